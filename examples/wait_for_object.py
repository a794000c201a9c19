#!/usr/bin/env python3
"""Wait until an object is seen steadily, and print where it is.

    python3 wait_for_object.py mug --timeout 30 --ros-args -r __ns:=/robot1

Where the detector has depth, the pose of the box around what is seen of the object is printed, in
metres; elsewhere its place in the picture, in pixels. Exit code: 0 when it was found, 1 when not.
"""

import argparse
import statistics
import sys
import time

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from vision_msgs.msg import Detection2D, Detection2DArray, Detection3D, Detection3DArray


class ObjectWatch(Node):
    """Collects what the detector says of one object, as long as no picture lacks it."""

    def __init__(self, label: str, pictures: int, depth_patience: float) -> None:
        super().__init__("wait_for_object")
        self._label, self._pictures, self._depth_patience = label, pictures, depth_patience
        self._places: list[Detection2D] = []
        self._poses: list[Detection3D] = []
        self._seen_since = 0.0
        # Reliable, as the detector publishes them.
        self.create_subscription(Detection2DArray, "detector/detections", self._on_2d, 10)
        self.create_subscription(Detection3DArray, "detector/detections_3d", self._on_3d, 10)

    def answer(self, last: bool = False) -> str | None:
        """Where the object is, once it is known well enough; the `last` time its place in the
        picture is enough, and where there is no depth a while after it was seen first."""
        if len(self._poses) >= self._pictures:
            return self._pose()
        # The detector subscribes to depth once somebody wants positions.
        waited = time.monotonic() - self._seen_since > self._depth_patience
        if len(self._places) >= self._pictures and (last or (waited and not self._poses)):
            return self._place()
        return None

    def _on_2d(self, message: Detection2DArray) -> None:
        # Best first, so this is the surest one.
        found = next((d for d in message.detections if self._is_it(d)), None)
        if found is None or (self._places and found.id != self._places[-1].id):
            self._places.clear()  # gone, or another one: `id` stays with an object
            self._poses.clear()
        if found is not None:
            if not self._places:
                self._seen_since = time.monotonic()
            self._places.append(found)

    def _on_3d(self, message: Detection3DArray) -> None:
        wanted = self._places[-1].id if self._places else None
        self._poses += [d for d in message.detections if self._is_it(d) and d.id == wanted][:1]

    def _is_it(self, detection: Detection2D | Detection3D) -> bool:
        # class_id is the label itself, never a number.
        return bool(detection.results[0].hypothesis.class_id == self._label)

    def _pose(self) -> str:
        """The median position, with the orientation and the size of the newest box."""
        newest = self._poses[-1]
        centres = [pose.bbox.center.position for pose in self._poses]
        x, y, z = (statistics.median(getattr(c, axis) for c in centres) for axis in "xyz")
        turn, size = newest.bbox.center.orientation, newest.bbox.size
        return (
            f"{self._label} in {newest.header.frame_id}: "
            f"position {x:.3f} {y:.3f} {z:.3f} m, "
            f"orientation {turn.x:.3f} {turn.y:.3f} {turn.z:.3f} {turn.w:.3f}, "
            f"size {size.x:.3f} {size.y:.3f} {size.z:.3f} m, "
            f"score {newest.results[0].hypothesis.score:.2f}"
        )

    def _place(self) -> str:
        newest = self._places[-1]
        box = newest.bbox
        return (
            f"{self._label} in the picture of {newest.header.frame_id}: "
            f"centre {box.center.position.x:.0f} {box.center.position.y:.0f}, "
            f"size {box.size_x:.0f} {box.size_y:.0f} pixels, "
            f"score {newest.results[0].hypothesis.score:.2f}"
        )


def wait(node: ObjectWatch, options: argparse.Namespace) -> int:
    """Print where the object is, at the latest when its time is over; the exit code."""
    until = time.monotonic() + options.timeout
    while (answer := node.answer()) is None and time.monotonic() < until:
        rclpy.spin_once(node, timeout_sec=0.1)
    answer = answer or node.answer(last=True)
    if answer is None:
        print(f"no {options.label} within {options.timeout:g} s", file=sys.stderr)
        return 1
    print(answer)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("label", help="the name under which the object was taught")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds (default: 60)")
    parser.add_argument(
        "--pictures", type=int, default=5, help="pictures in a row that must show it (default: 5)"
    )
    parser.add_argument(
        "--depth-patience",
        type=float,
        default=3.0,
        help="seconds after which its place in the picture is enough (default: 3)",
    )
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    # Ctrl-C stays Python's own: it arrives between two callbacks, and not inside ROS.
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        node = ObjectWatch(options.label, options.pictures, options.depth_patience)
        return wait(node, options)
    except KeyboardInterrupt:
        return 130
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    sys.exit(main())
