"""Several of our nodes in one process, sharing one executor.

    ros2 run automask_ros composed_nodes capture detector --ros-args -p detector:device:=cpu

They need less memory together than each in a process of its own, and share one interpreter: on a
machine with cores to spare, processes are faster. Parameters for one of them carry its name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from rclpy.node import Node
from rclpy.utilities import remove_ros_args

from automask_ros.nodes.capture_node import CaptureNode
from automask_ros.nodes.detector_node import DetectorNode
from automask_ros.nodes.mask_generation_node import MaskGenerationNode
from automask_ros.nodes.spin import EXIT_USER_ERROR, run_nodes
from automask_ros.nodes.teach_node import TeachNode
from automask_ros.nodes.trainer_node import TrainerNode

NODES: dict[str, Callable[[], Node]] = {
    "capture": CaptureNode,
    "mask_generator": MaskGenerationNode,
    "trainer": TrainerNode,
    "detector": DetectorNode,
    "teach": TeachNode,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the nodes that the arguments name, all of them without any; the exit code."""
    given = list(sys.argv if arguments is None else ["composed_nodes", *arguments])
    names = remove_ros_args(given)[1:] or list(NODES)
    unknown = [name for name in names if name not in NODES]
    if unknown or len(set(names)) < len(names):
        wrong = f"there is no node {unknown[0]}" if unknown else "each node can be there once"
        sys.stderr.write(f"automask: {wrong}; name some of {', '.join(NODES)}\n")
        return EXIT_USER_ERROR
    return run_nodes([NODES[name] for name in names], given[1:])


if __name__ == "__main__":
    raise SystemExit(main())
