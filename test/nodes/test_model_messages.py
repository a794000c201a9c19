"""Labels and models as vision_msgs, value by value."""

from builtin_interfaces.msg import Time

from automask_ros.nodes.model_messages import to_label_info, to_vision_info


def test_label_info_maps_ids_to_labels():
    message = to_label_info({"mug": 2, "can": 1}, 0.5, Time(sec=1))
    assert [(row.class_id, row.class_name) for row in message.class_map] == [(1, "can"), (2, "mug")]
    assert message.threshold == 0.5
    assert message.header.stamp.sec == 1


def test_vision_info():
    message = to_vision_info("mask_rcnn", "/library/models/3", 4, Time(sec=1))
    assert (message.method, message.database_location) == ("mask_rcnn", "/library/models/3")
    assert message.database_version == 4
