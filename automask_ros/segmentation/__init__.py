"""Stage one: from an image to the mask of the object that is shown in it, with a verdict."""
