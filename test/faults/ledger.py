"""What nodes have acknowledged over their topics, to be found in the library again."""

from functools import partial

import numpy as np
from integration.robot import HEARD

from automask_ros.library.library import Library
from automask_ros.nodes.image_messages import seconds_of, to_array
from automask_ros.types import View


class Ledger:
    """The views of `capture/view` and the masks of `mask_generator/mask`, by their time of capture.

    Whatever was in the library at a look counts too: it must be there at the next. A mask may have
    been made anew since it was told, by one who was killed before it could tell.
    """

    def __init__(self, robot, library: Library) -> None:
        self._library = library
        self._new: dict[str, list] = {"capture/view": [], "mask_generator/mask": []}
        self._seen: set[tuple[str, str]] = set()
        self._masked: set[tuple[str, str]] = set()
        self.views: dict[float, np.ndarray] = {}
        self.masks: dict[float, tuple[np.ndarray, float]] = {}
        """With the mask, when it was told."""
        self.made_anew: set[float] = set()
        for topic in self._new:
            kind, qos = HEARD[topic]
            robot.node.create_subscription(kind, topic, partial(self._hear, topic), qos)

    def _hear(self, topic: str, message, info) -> None:
        self._new[topic].append((message, info["source_timestamp"] * 1e-9))

    def look(self) -> None:
        """What was acknowledged since the last look is there to the pixel; the rest is there."""
        every = self._library.views()
        views = {view.captured_at: view for view in every}
        assert len(views) == len(every), "the time of capture tells one view from another here"
        for message, _ in self._taken("capture/view"):
            captured_at = seconds_of(message.header.stamp)
            self.views[captured_at] = to_array(message).copy()
            self._check_view(self._library, views[captured_at])
        for message, told_at in self._taken("mask_generator/mask"):
            captured_at = seconds_of(message.header.stamp)
            self.masks[captured_at] = to_array(message)[..., 0] > 0, told_at
            self._check_mask(self._library, views[captured_at])
        found = {(view.label, view.id) for view in views.values()}
        masked = {(view.label, view.id) for view in views.values() if view.verdict is not None}
        assert found >= self._seen and masked >= self._masked
        self._seen, self._masked = found, masked

    def audit(self) -> None:
        """All that was ever acknowledged, read from a library that is opened anew."""
        self.look()
        library = Library(self._library.root)
        views = {view.captured_at: view for view in library.views()}
        for captured_at in self.views:
            self._check_view(library, views[captured_at])
        for captured_at in self.masks:
            self._check_mask(library, views[captured_at])
            assert not views[captured_at].drawn

    def _check_view(self, library: Library, view: View) -> None:
        assert np.array_equal(library.read_image(view), self.views[view.captured_at])

    def _check_mask(self, library: Library, view: View) -> None:
        mask, told_at = self.masks[view.captured_at]
        same = np.array_equal(library.read_mask(view), mask)
        assert same or view.mask_made_at > told_at, (view, told_at)
        if not same:
            self.made_anew.add(view.captured_at)

    def _taken(self, topic: str) -> list:
        taken, self._new[topic] = self._new[topic], []
        return taken
