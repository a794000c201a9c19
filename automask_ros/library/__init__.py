"""Objects, views, masks and models on disk; recordings, folders and COCO in and out."""
