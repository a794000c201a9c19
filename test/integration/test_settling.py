"""An object that nobody shows any more: the node compares its masks and adapts to it by itself."""

import numpy as np
from integration.drawn_objects import iou, view

from automask_ros.library.library import Library


def test_the_node_settles_an_object_and_a_restart_goes_on(robot, tmp_path):
    library = Library(tmp_path / "library", create=True)
    truth = {}
    for seed in range(6):
        image, mask = view("cup", seed)
        added = library.add_view("cup", image, captured_at=1.7e9 + seed, source="drawn")
        truth[added.id] = mask
    settings = {"library": library.root, "look_period": 0.2, "adapt_after": 3600.0}
    robot.start("mask_generation_node", **settings)
    robot.wait_for(lambda: not library.views_without_mask(), 90, "the masks")
    robot.spin(1.0)
    assert {each.made_by for each in library.views()} == {"lite"}, "it was not to begin yet"
    robot.stop("mask_generation_node")

    robot.start("mask_generation_node", **settings | {"adapt_after": 0.5})
    robot.wait_for(
        lambda: all(each.made_by != "lite" for each in library.views()), 180, "settled masks"
    )
    robot.wait_for(lambda: robot.message("mask_generator") == "waiting for views", 20, "its rest")
    for each in library.views():
        assert each.made_by in ("lite, compared", "lite, joined", "lite, adapted")
        assert iou(library.read_mask(each), truth[each.id]) > 0.85
    assert np.mean([each.verdict.score for each in library.views()]) > 0.6
