"""The taught objects as scenes: what the paper's people did by hand with bottles, from masks that
nobody drew."""

from __future__ import annotations

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.segmentation.scene_classes import SceneClasses
from automask_ros.segmentation.scene_parsing import Scene


class TaughtScenes:
    """The views of a library with an accepted mask, each as a scene in which one object is drawn.

    Its pixels have the number k of the label's class, all others -k: anything but that class (see
    `scene_loss`).
    """

    def __init__(self, library: Library, classes: SceneClasses) -> None:
        """Each label with such a view is one of `classes`. AutomaskError when there is none."""
        self._library, self._classes = library, classes
        self._views = library.trainable_views()
        if not self._views:
            raise AutomaskError(
                f"{library.root} has no accepted mask: make some with automask add, or repaint one"
            )

    def __len__(self) -> int:
        return len(self._views)

    def __getitem__(self, index: int) -> Scene:
        """The scene `index`. AutomaskError when its image or mask is damaged or gone."""
        view = self._views[index]
        mask = self._library.read_mask(view)
        if mask is None:
            raise AutomaskError(f"the mask of {view.label} {view.id} is gone: run automask add")
        number = self._classes.number(view.label)
        annotation = np.where(mask, number, -number).astype(np.int16)
        return Scene(f"{view.label}/{view.id}", self._library.read_image(view), annotation)
