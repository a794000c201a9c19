"""A teaching session as the person who shows the object is told it: words, console, picture."""

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from integration.drawn_objects import view
from integration.robot import LATCHED, RELIABLE
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from automask_ros.colours import BLUISH_GREEN, VERMILLION, YELLOW
from automask_ros.library.library import Library
from automask_ros.nodes.image_messages import to_array

VIEWS = 12
STRIPES = np.full((240, 320, 3), 128, np.uint8)
STRIPES[:, np.arange(320) // 40 % 2 == 1] = 148


class Person:
    """Sees and hears what a person would of a robot's session.

    What is said for a moment counts as well: on a busy machine the test may look up later.
    """

    def __init__(self, robot):
        self.robot = robot
        self.told = []
        self._heard = 0
        self._pictures = {}
        robot.node.create_subscription(
            DiagnosticStatus, "teach/guidance", self.told.append, LATCHED
        )
        self._preview = None

    @property
    def words(self):
        """What was waited for."""
        return self.told[self._heard].message if self.told else ""

    def values(self):
        return values_of(self.told[self._heard])

    def is_told(self, words, seconds=30, show=None, detail=""):
        """Wait for guidance that begins with `words`, and `detail` in its second line, showing a
        picture again and again; what was said before that which was waited for last is over."""

        def told():
            if show is not None:
                self.robot.show(show)
                self.robot.spin(0.1)
            for index in range(self._heard, len(self.told)):
                each = self.told[index]
                if each.message.startswith(words) and detail in values_of(each).get("detail", ""):
                    self._heard = index
                    return True
            return False

        self.robot.wait_for(
            told, seconds, f"{words!r}; told {[each.message for each in self.told]}"
        )

    def look(self):
        self._preview = self.robot.node.create_subscription(
            Image, "teach/preview", self._see, RELIABLE
        )

    def look_away(self):
        self.robot.node.destroy_subscription(self._preview)

    def sees(self, colour, seconds=20, show=None, like=None):
        """Wait for a picture whose words stand on `colour`, and that begins with the rows `like`,
        among those since the last one that was waited for."""

        def seen():
            if show is not None:
                self.robot.show(show)
                self.robot.spin(0.1)
            picture = self._pictures.get(tuple(colour))
            if picture is None or like is None:
                return picture is not None
            return np.array_equal(picture[: len(like)], like)

        self.robot.wait_for(seen, seconds, f"a picture in {colour}; told {self.words}")
        picture = self._pictures[tuple(colour)]
        self._pictures.clear()
        return picture

    def _see(self, message):
        picture = to_array(message)
        self._pictures[tuple(int(part) for part in picture[-1, -1])] = picture.copy()


def values_of(status):
    return {value.key: value.value for value in status.values}


@pytest.fixture
def library(tmp_path):
    return Library(tmp_path / "library", create=True)


@pytest.fixture
def person(robot, library):
    small = {"base_model": "lite", "image_size": 160, "iterations": 40}
    common = {"device": "cpu", "threads": 1}
    robot.start("capture_node", library=library.root, label="cup", views=VIEWS, min_novelty=0.01)
    robot.start("mask_generation_node", library=library.root, adapt=False, **common)
    robot.start("trainer_node", library=library.root, **small, **common)
    robot.start("detector_node", library=library.root, **common)
    robot.start("teach_node")
    return Person(robot)


def test_a_session_from_the_first_look_to_the_live_object(person, robot, library):
    assert robot.state("detector", 90) == "active"
    person.is_told("hold the cup ready", 90, view("cup", 0)[0])
    assert f"{robot.namespace}/capture/start" in person.values()["detail"]
    assert not taken_by_teach(robot), "nobody looks"
    person.look()
    robot.wait_for(lambda: len(taken_by_teach(robot)) == 2, 10, "that the picture is drawn")
    frame = view("cup", 0)[0]
    person.sees(YELLOW, show=frame, like=cv2.resize(frame, (480, 360)))

    each_movement_is_answered(person, robot, frame)
    undone_paused_and_gone_on(person, robot, library, frame)
    seeds = iter(range(2, 1000))

    def shown():
        robot.show(view("cup", next(seeds))[0])
        robot.spin(0.2)
        return len(library.views("cup")) == VIEWS

    robot.wait_for(shown, 120, "the views")
    veto_before_training(robot, library)
    person.is_told("training", 120)
    person.is_told("cup is live (AP ", 240)
    what_is_live_is_true(person, library)

    person.look_away()
    robot.wait_for(lambda: not taken_by_teach(robot), 10, "that the camera is left")
    the_console_has_it_too(robot)
    robot.wait_for(lambda: robot.message("teach").startswith("cup is live"), 10, "diagnostics")
    assert robot.stop("teach_node") == 0


def each_movement_is_answered(person, robot, frame):
    assert robot.call("capture/start").success
    person.is_told("turn the cup", show=frame, detail=f"1 of {VIEWS} views of cup")
    assert float(person.values()["share"]) == pytest.approx(1 / VIEWS, abs=0.001)
    person.sees(BLUISH_GREEN, show=view("cup", 1)[0])
    person.is_told("same view again: turn it", show=frame)
    person.is_told("too blurred: hold it still", show=cv2.GaussianBlur(frame, (0, 0), 8))
    # What shows no object is a new view, and gets no mask that can be trusted.
    person.is_told("mask refused: ", 60, STRIPES)
    assert person.values()["tone"] == "trouble"
    person.sees(VERMILLION)


def undone_paused_and_gone_on(person, robot, library, frame):
    assert robot.call("capture/undo").success
    assert robot.call("capture/stop").success
    views = len(library.views("cup"))
    # The camera goes on: one that is silent is what is told first.
    person.is_told(f"paused: {views} of {VIEWS} views of cup", show=frame)
    assert robot.call("capture/start").success


def what_is_live_is_true(person, library):
    """What was told is what the library says of the version."""
    assert person.values() == {
        "tone": "good",
        "label": "cup",
        "detail": "model version 1",
    }
    assert library.models.current() == 1
    assert set(library.models.record(1).labels) == {"cup"}
    precision = float(person.words.partition("AP ")[2].split()[0])
    assert precision == pytest.approx(evaluation(library)["per_label"]["cup"]["AP"], abs=0.006)
    seconds = [each for each in person.told if each.message.startswith("training: ")]
    assert seconds, "how long it takes is told"


def the_console_has_it_too(robot):
    console = robot.log("teach_node")
    for service in ("start", "stop", "undo"):
        assert f"ros2 service call {robot.namespace}/capture/{service} std_srvs" in console
    assert f"{robot.namespace}/mask_generator/veto_last" in console
    # What was true for a moment only may not have been said: a person reads a line in a second.
    robot.wait_for(
        lambda: all(
            words in robot.log("teach_node") for words in ("hold the cup ready", "cup is live (AP ")
        ),
        20,
        "the console's words",
    )


def taken_by_teach(robot):
    """The picture topics that the node teach subscribes to."""
    topics = [f"{robot.namespace}/{name}" for name in ("image", "mask_generator/overlay")]
    takers = {
        topic: {each.node_name for each in robot.node.get_subscriptions_info_by_topic(topic)}
        for topic in topics
    }
    return [topic for topic, names in takers.items() if "teach" in names]


def veto_before_training(robot, library):
    robot.wait_for(lambda: library.trainable_views("cup"), 60, "a mask")
    assert robot.call("mask_generator/veto_last").success


def evaluation(library):
    import json

    return json.loads((library.models.directory(1) / "metrics.json").read_text())["evaluation"]


def test_trouble_is_told_without_any_other_node(robot):
    robot.start("teach_node")
    person = Person(robot)
    person.is_told("no word from capture", 60)
    person.look()
    picture = person.sees(VERMILLION)
    assert (picture[:200] == 60).all(), "words are shown although no camera is there"
    robot.wait_for(lambda: robot.level("teach") == b"\x01", 10, "diagnostics")
    person.look_away()
    robot.wait_for(lambda: not taken_by_teach(robot), 10, "that the camera is left")
    person.look()
    tall = np.full((600, 60, 3), 9, np.uint8)
    person.sees(VERMILLION, show=tall, like=middle(9, 192))


def middle(value, width):
    """The first row of a picture that was too high: black at its sides."""
    row = np.zeros((1, 480, 3), np.uint8)
    row[:, (480 - width) // 2 : (480 + width) // 2] = value
    return row


class Others:
    """The other nodes, as far as they tell of an object that was just shown."""

    def __init__(self, robot, answer):
        self.calls = 0
        self._answer = answer
        self._robot = robot
        self._publishers = {
            name: robot.node.create_publisher(DiagnosticStatus, f"{name}/progress", LATCHED)
            for name in ("capture", "mask_generator", "trainer")
        }
        robot.node.create_service(Trigger, "trainer/train", self._train)

    def show(self, person):
        shown = {"label": "cup", "target": "10"}
        self._tell("capture", **shown, state="started", views="9")
        masks = {"cup: views": "10", "cup: accepted": "10", "cup: waiting": "0"}
        self._tell("mask_generator", **masks)
        self._tell("trainer")
        self._robot.wait_for(
            lambda: all(each.get_subscription_count() for each in self._publishers.values()),
            60,
            "that teach listens",
        )
        person.is_told("turn the cup", detail="9 of 10 views")
        self._tell("capture", **shown, state="complete", views="10")

    def leave(self, name):
        """A node ends; its last word is known still."""
        self._robot.node.destroy_publisher(self._publishers.pop(name))

    def _tell(self, name, **values):
        told = [KeyValue(key=key, value=value) for key, value in values.items()]
        self._publishers[name].publish(DiagnosticStatus(name=name, values=told))

    def _train(self, _, response):
        self.calls += 1
        response.success, response.message = False, self._answer
        return response


def test_an_order_that_the_trainer_refuses_is_told(robot):
    others = Others(robot, "no views in the library")
    robot.start("teach_node")
    person = Person(robot)
    others.show(person)
    person.is_told("training was not ordered: no views in the library", 30)
    assert "/trainer/train" in person.values()["detail"]
    robot.spin(2.0)
    assert others.calls == 1


def test_training_can_be_left_to_the_person(robot):
    others = Others(robot, "never")
    robot.start("teach_node", train=False)
    person = Person(robot)
    others.show(person)
    person.is_told("10 of 10 masks of cup accepted", 30, detail="/trainer/train")
    robot.spin(2.0)
    assert others.calls == 0
    others.leave("mask_generator")
    person.is_told("no word from mask_generator", 30)
