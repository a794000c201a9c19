"""Showing one object: which frames become views of it, and why the others do not."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from contextlib import suppress
from typing import Any

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.library.object_folder import ViewGone
from automask_ros.library.view_selector import ViewSelector, ViewSelectorConfig
from automask_ros.types import View

_LOGGER = logging.getLogger(__name__)


class CaptureSession:
    """The views of one label, up to a number of them.

    Frames come from the worker's thread; undo and the counts from callbacks.
    """

    def __init__(
        self, library: Library, label: str, target: int, config: ViewSelectorConfig
    ) -> None:
        self._library = library
        self._selector = ViewSelector(config)
        self._lock = threading.Lock()
        self._views = library.views(label)
        # The newest ones, as many as are remembered; the oldest of them at the end, to go first.
        self._earlier = self._views[: -config.remembered - 1 : -1]
        self.label = label
        self.target = target
        self.refused: Counter[str] = Counter()
        self.last_refusal = ""

    @property
    def count(self) -> int:
        """Views of the label in the library, those of earlier sessions included."""
        return len(self._views)

    @property
    def newest(self) -> str:
        """The id of the newest view; empty without one."""
        views = self._views
        return views[-1].id if views else ""

    @property
    def complete(self) -> bool:
        """Whether there are as many views as wanted."""
        return self.count >= self.target

    def summary(self) -> str:
        """How far it is, as in '31 of 40 views of mug'."""
        return f"{self.count} of {self.target} views of {self.label}"

    def consider(
        self, image: np.ndarray, captured_at: float, source: str, camera: dict[str, Any] | None
    ) -> View | None:
        """Keep an (H, W, 3) BGR frame as a view when it is sharp and new; else count why not.

        StorageError when the disk does not take it: the frame then counts as never seen.
        """
        with self._lock:
            if self.complete:
                return None
            self._remember_earlier()
            selection = self._selector.consider(image)
            if not selection.keep:
                # The figures in brackets differ from frame to frame; the kind of reason counts.
                self.refused[selection.reason.partition(" (")[0]] += 1
                self.last_refusal = selection.reason
                return None
            try:
                view = self._library.add_view(
                    self.label, image, captured_at=captured_at, source=source, camera=camera
                )
            except BaseException:
                self._selector.forget_newest()
                raise
            self._views.append(view)
            self.last_refusal = ""
            return view

    def _remember_earlier(self) -> None:
        """Let the selector know the views of earlier sessions; the first frame waits for that."""
        while self._earlier:
            try:
                image = self._library.read_image(self._earlier.pop())
            except AutomaskError as error:
                _LOGGER.warning("new frames are not compared with an earlier view: %s", error)
            else:
                self._selector.remember(image)

    def undo(self) -> View:
        """Take the newest view away (the library keeps it in its trash).

        Views that another process took away are not counted any more. Raises AutomaskError when
        there is none.
        """
        with self._lock:
            while self._views:
                with suppress(ViewGone):
                    self._library.remove_view(self._views[-1])
                    return self._views.pop()
                self._views.pop()
            raise AutomaskError(f"there is no view of {self.label} to undo")
