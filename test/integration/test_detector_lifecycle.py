"""The detector as a lifecycle node: its transitions in every order, and life without a model."""

from integration.drawn_objects import view

from automask_ros.library.library import Library


def test_transitions_in_every_order(robot, tmp_path):
    robot.start("detector_node", library=tmp_path / "library", autostart=False)
    assert robot.state("detector") == "unconfigured"
    status = robot.wait_for(lambda: robot.status("detector")[0], 20, "diagnostics")
    assert status.message == "unconfigured: waiting for a lifecycle manager"
    # What the state does not allow is answered with no success, and ends nothing.
    for label in ("activate", "deactivate", "cleanup", "no_such_transition"):
        assert not robot.change_state("detector", label)
    assert robot.state("detector") == "unconfigured"

    for _ in range(2):
        assert robot.change_state("detector", "configure")
        assert robot.state("detector") == "inactive"
        assert not robot.change_state("detector", "configure")
        robot.wait_for(lambda: robot.images.get_subscription_count() == 1, 10, "its subscription")
        assert robot.change_state("detector", "activate")
        assert robot.state("detector") == "active"
        robot.show(view("cup", 0)[0])
        assert robot.change_state("detector", "deactivate")
        assert robot.change_state("detector", "activate")
        assert robot.change_state("detector", "deactivate")
        assert robot.change_state("detector", "cleanup")
        robot.wait_for(lambda: robot.images.get_subscription_count() == 0, 10, "the end of it")
    assert robot.change_state("detector", "configure")
    assert robot.change_state("detector", "activate")
    assert robot.change_state("detector", "shutdown")
    assert robot.state("detector") == "finalized"
    words = "shut down: start the process again"
    robot.wait_for(lambda: robot.message("detector") == words, 20, "the remedy")
    assert robot.stop("detector_node") == 0


def test_a_detector_without_a_model_says_so_and_takes_frames(robot, tmp_path):
    robot.listen("detector/detections")
    robot.start("detector_node", library=tmp_path / "library")
    robot.wait_for(lambda: robot.images.get_subscription_count(), 30, "the subscription")
    assert robot.state("detector") == "active"
    image = view("cup", 0)[0]

    def taken():
        robot.show(image)
        robot.spin(0.1)
        return int(robot.status("detector")[1].get("received", 0)) >= 3

    robot.wait_for(taken, 20, "the frames")
    status, values = robot.status("detector")
    assert status.level == b"\x01"
    assert status.message.startswith(f"no model in {tmp_path / 'library'} yet")
    assert (values["processed"], values["dropped"]) == ("0", "0")
    assert robot.heard["detector/detections"] == []


def test_a_library_that_cannot_be_made(robot):
    robot.start("detector_node", library="/dev/null/library", autostart=False)
    assert not robot.change_state("detector", "configure")
    assert robot.state("detector") == "unconfigured"
    robot.wait_for(
        lambda: (status := robot.status("detector")[0]) and "/dev/null/library" in status.message,
        20,
        "the reason",
    )


def test_a_model_elsewhere_is_refused(robot, tmp_path):
    from vision_msgs.msg import VisionInfo

    from automask_ros.nodes.qos import latched

    Library(tmp_path / "library", create=True)
    publisher = robot.node.create_publisher(VisionInfo, "trainer/model", latched())
    robot.start("detector_node", library=tmp_path / "library")
    publisher.publish(VisionInfo(database_location=str(tmp_path / "elsewhere"), database_version=1))
    robot.wait_for(
        lambda: (
            (status := robot.status("detector")[0])
            and status.message.endswith("give detector and trainer the same library")
        ),
        30,
        "the refusal",
    )
    assert robot.alive() == {"detector_node"}
