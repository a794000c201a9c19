"""What to do where a middleware loses large messages; docs/transport.md says it at length."""

from __future__ import annotations

from rclpy.utilities import get_rmw_implementation_identifier

_FAST_DDS = (
    "start the camera and this node with FASTRTPS_DEFAULT_PROFILES_FILE (Fast DDS 2: Humble, "
    "Jazzy) or FASTDDS_DEFAULT_PROFILES_FILE (Fast DDS 3) = $(ros2 pkg prefix automask_ros)/share/"
    "automask_ros/config/fastdds.xml (Fast DDS loses large images without it)"
)
_CYCLONE_DDS = (
    "start the camera and this node with CYCLONEDDS_URI = file://$(ros2 pkg prefix automask_ros)"
    "/share/automask_ros/config/cyclonedds.xml and net.core.rmem_max as it says"
)
_ZENOH = "see that one router runs (ros2 run rmw_zenoh_cpp rmw_zenohd) and both find it"


def uses_fast_dds() -> bool:
    """Whether this process talks through Fast DDS."""
    return get_rmw_implementation_identifier().startswith("rmw_fastrtps")


def transport_remedy() -> str:
    """What makes large messages arrive with the middleware of this process, as an imperative."""
    if uses_fast_dds():
        return _FAST_DDS
    name = get_rmw_implementation_identifier()
    known = {"rmw_cyclonedds_cpp": _CYCLONE_DDS, "rmw_zenoh_cpp": _ZENOH}
    return known.get(name, f"give {name} room for messages of a picture's size")
