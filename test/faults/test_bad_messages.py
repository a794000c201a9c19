"""Messages by the thousands that are wrong in every way, against the nodes that run.

A few are sent one by one, to see what is said of each; then a storm. Afterwards the nodes must be
what they were: alive, answering, no larger, and as good at their work as before.
"""

import array
import math
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from faults.bad_messages import BadMessages, one_of_each_compressed, one_of_each_raw
from integration.drawn_objects import view
from integration.robot import LATCHED, RELIABLE
from integration.stored_models import store_model
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection3DArray, VisionInfo

from automask_ros.library.library import Library
from automask_ros.library.message_faults import Fault
from automask_ros.nodes.image_messages import stamp_of, to_compressed_message, to_message

NODES = {"capture": "capture_node", "detector": "detector_node"}
FEW, MANY = 700, 52_000
"""Messages of a storm, of which there are two."""
GUST = 2_000
"""Messages of the long storm to each of the largest pictures, which are sent one by one: others
would be replaced by newer ones meanwhile."""
LEAST_LOOKED_AT = {"capture": 0.5, "detector": 0.1}
"""Share of the storm's pictures, or as many of later ones, that must have been looked at, and not
been replaced by newer ones: the detector takes its time for those that are pictures."""
MOST_GROWTH = 48 << 20
"""Bytes by which a process may be larger after the second half of a storm than after the first."""
PATIENCE = 90
ANSWERS = ("detector/detections", "detector/detections_3d")


#: What is said of the last kind that is sent.
WORDS = {
    "raw": "holds 230400 bytes, but 320x241 needs 231360 with step 960; check the camera's driver",
    "compressed": "is damaged: its data breaks off",
}


def encoding_first(kind):
    """Where in the row a kind is sent."""
    return kind is not Fault.ENCODING


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A library with a model of a cup, and a model elsewhere that calls everything an intruder."""
    library = Library(tmp_path_factory.mktemp("library"), create=True)
    store_model(library, view("cup", 0)[0], "cup")
    other = Library(tmp_path_factory.mktemp("elsewhere"), create=True)
    store_model(other, view("cup", 0)[0], "intruder")
    return library, other.models.directory(1)


class Storm:
    """Both nodes, all that may be sent to them, and what they say."""

    def __init__(self, robot, library, transport):
        self.robot, self.transport = robot, transport
        # One heap that gives back at once: what is free is not counted as grown.
        robot.environment |= {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "0"}
        robot.listen("detector/detections", "detector/vision_info")
        robot.node.create_subscription(
            Detection3DArray, ANSWERS[1], robot.heard[ANSWERS[1]].append, RELIABLE
        )
        self.depths = robot.node.create_publisher(Image, "depth", RELIABLE)
        self.models = robot.node.create_publisher(VisionInfo, "trainer/model", LATCHED)
        self.pictures = robot.images if transport == "raw" else robot.compressed
        common = {"library": library.root, "image_transport": transport}
        robot.start("capture_node", label="cup", auto_start=True, views=10_000, **common)
        robot.start("detector_node", device="cpu", threads=1, **common)
        robot.wait_for(lambda: robot.heard["detector/vision_info"], PATIENCE, "the model")
        for each, count in ((self.pictures, 2), (robot.camera_info, 2), (self.depths, 1)):
            robot.wait_for(
                lambda each=each, count=count: each.get_subscription_count() == count,
                PATIENCE,
                each.topic_name,
            )

    def figures(self, node):
        return self.robot.status(node)[1]

    def answer(self, picture):
        """What the detector says of a good picture with good depth: labels, scores and places."""
        stamp = stamp_of(time.time())
        header = Header(stamp=stamp, frame_id="camera")
        height, width = picture.shape[:2]
        if self.transport == "raw":
            message = to_message(picture, header)
        else:
            png = cv2.imencode(".png", picture)[1].tobytes()
            message = to_compressed_message(png, "png", header)
        depth = Image(header=header, height=height, width=width, encoding="32FC1", step=4 * width)
        depth.data = array.array("B", np.full((height, width), 0.75, np.float32).tobytes())
        info = CameraInfo(header=header, height=height, width=width)
        info.k = np.array([300.0, 0, width / 2, 0, 300, height / 2, 0, 0, 1])

        def answered(topic):
            return [each for each in self.robot.heard[topic] if each.header.stamp == stamp]

        def shown():
            self.robot.camera_info.publish(info)
            self.depths.publish(depth)
            self.pictures.publish(message)
            self.robot.spin(0.5)
            return all(map(answered, ANSWERS))

        self.robot.wait_for(shown, PATIENCE, "an answer")
        flat, solid = (answered(topic)[0].detections for topic in ANSWERS)
        results = [each.results[0].hypothesis for each in flat]
        places = [(each.bbox.center.position.x, each.bbox.center.position.y) for each in flat]
        depths = [round(each.bbox.center.position.z, 3) for each in solid]
        return [(each.class_id, round(each.score, 4)) for each in results], places, depths

    def is_well(self, picture):
        """Whether both say that all is well while good pictures come."""
        self.answer(picture)
        return all(self.robot.level(node) == b"\0" for node in NODES)

    def blow(self, count, bad):
        """Send so many messages, half of them pictures, and more pictures until enough were looked
        at; how many the half were."""
        tried = {name: self.looked_at(name) for name in NODES}
        if self.transport == "compressed":
            for _ in range(max(1, count // GUST)):
                self.weigh_down(bad.heavy())
        sent = 0
        kinds = (
            (self.pictures, bad.image if self.transport == "raw" else bad.compressed),
            (self.depths, bad.depth),
            (self.pictures, bad.image if self.transport == "raw" else bad.compressed),
            (self.robot.camera_info, bad.camera_info),
            (self.pictures, bad.image if self.transport == "raw" else bad.compressed),
            (self.models, bad.model),
        )
        for number in range(count):
            publisher, draw = kinds[number % len(kinds)]
            publisher.publish(draw())
            sent += publisher is self.pictures
            self.robot.spin(0.003)
        draw = bad.image if self.transport == "raw" else bad.compressed
        least = {name: tried[name] + share * sent for name, share in LEAST_LOOKED_AT.items()}
        self._send_until_looked_at(draw, least)
        self.robot.spin(2.0)
        return sent

    def _send_until_looked_at(self, draw, least):
        """Send pictures until each node has looked at its `least`: a slow one replaces more of them
        by newer ones."""

        def looked_at():
            if all(self.looked_at(node) >= count for node, count in least.items()):
                return True
            self.pictures.publish(draw())
            self.robot.spin(0.05)
            return False

        self.robot.wait_for(looked_at, 120, f"{least} pictures looked at")

    def weigh_down(self, heavy):
        """Send a picture that takes a second to decode, and wait until both have looked at it."""
        before = {node: self.looked_at(node) for node in NODES}
        sent_at = -math.inf

        def looked_at():
            nonlocal sent_at
            if time.monotonic() - sent_at > 20:  # at best effort it may be lost
                self.pictures.publish(heavy)
                sent_at = time.monotonic()
            return all(self.looked_at(node) > before[node] for node in NODES)

        self.robot.wait_for(looked_at, PATIENCE, "the largest picture that is taken")

    def faults(self, node, what):
        return faults(self.figures(node), what)

    def dropped(self, node):
        """Pictures that newer ones replaced, or that did not come."""
        values = self.figures(node)
        return sum(int(values.get(key) or 0) for key in ("dropped", "lost", "overrun"))

    def looked_at(self, node):
        """Pictures that were tried, by the diagnostics."""
        values = self.figures(node)
        if node == "capture":
            refused = [int(n) for key, n in values.items() if key.startswith("refused: ")]
            return int(values["bad_frames"]) + sum(refused) + int(values["views"])
        return sum(int(values[key]) for key in ("bad_frames", "processed", "failed"))

    def memory(self):
        """Bytes of each process."""
        return {
            name: int(field(self.robot.process(executable).pid, "VmRSS")) << 10
            for name, executable in NODES.items()
        }


def field(pid, name):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(name))


@pytest.fixture(params=["raw", "compressed"])
def storm(robot, stored, request):
    return Storm(robot, stored[0], request.param)


def faults(values, what):
    """Kind of fault -> count, as the diagnostics have them."""
    return {key: int(count) for key, count in values.items() if key.startswith(f"{what}: ")}


def test_a_storm_of_bad_messages_leaves_the_nodes_as_they_were(storm, stored, soak):
    robot, picture = storm.robot, view("cup", 0)[0]
    own = str(stored[0].models.directory(1))
    before = storm.answer(picture)
    labels, _, depths = before
    assert labels and {label for label, _ in labels} == {"cup"} and set(depths) == {0.75}
    each_kind_is_counted_once_for_each_message(storm, picture)
    if storm.transport == "raw":
        bad_models_and_camera_infos_are_counted(storm, stored[1])
    small = cv2.resize(picture, (64, 48), interpolation=cv2.INTER_AREA)
    places = [str(stored[1]), f"{own}/../../../x", "/proc/self/cwd"]
    bad = BadMessages(6, small, places)
    count = MANY if soak else FEW
    tried = {name: storm.looked_at(name) for name in NODES}
    sent = storm.blow(count // 2, bad)
    half = storm.memory()
    sent += storm.blow(count // 2, bad)
    grown = {name: size - half[name] for name, size in storm.memory().items()}
    looked_at = {name: storm.looked_at(name) - tried[name] for name in NODES}
    sys.stdout.write(
        f"{storm.transport}: {count} messages, {sent} pictures; looked at {looked_at}; "
        f"grown by {grown} bytes; {storm.figures('capture')} {storm.figures('detector')}\n"
    )
    assert robot.alive() == set(NODES.values())
    assert max(grown.values()) < MOST_GROWTH, grown
    assert storm.answer(picture) == before
    storm.models.publish(VisionInfo(database_location=own, database_version=1))
    robot.wait_for(lambda: storm.is_well(picture), 20, "the end of all complaints")
    told = {m.database_location for m in robot.heard["detector/vision_info"]}
    assert told == {own}, "nothing was loaded from elsewhere"
    assert robot.call("capture/stop").success
    assert robot.state("detector") == "active"
    assert robot.get_parameter("capture", "views").integer_value == 10_000
    for name in NODES.values():
        assert robot.log(name).count("others are counted on /diagnostics") <= 3 * len(Fault)


def each_kind_is_counted_once_for_each_message(storm, picture):
    """The first kind is sent once, the second twice and so on: none is taken for another."""
    robot = storm.robot
    kinds = (one_of_each_raw if storm.transport == "raw" else one_of_each_compressed)(picture)
    # Whether there is a cv_bridge is found out at the first one, and takes more than a second.
    kinds = {f"bad frame: {kind.value}": kinds[kind] for kind in sorted(kinds, key=encoding_first)}
    sent = dict.fromkeys(kinds, 0)
    before = {name: storm.dropped(name) for name in NODES}

    def send(key, times=1):
        for _ in range(times):
            storm.pictures.publish(kinds[key])
            sent[key] += 1
            robot.spin(3.0 if Fault.ENCODING.value in key else 0.05)

    for times, key in enumerate(kinds, start=1):
        send(key, times)
    for name in NODES:
        # On a busy machine a newer frame replaces an older one: then it says so.
        def settled(name=name):
            replaced = storm.dropped(name) - before[name]
            return sum(storm.faults(name, "bad frame").values()) + replaced == sum(sent.values())

        def all_met(name=name, settled=settled):
            # That the last one was lost on the way, the next one tells.
            sent_at = time.monotonic()

            def counted():
                nonlocal sent_at
                if time.monotonic() - sent_at > 5.0:
                    send(list(kinds)[-1])
                    sent_at = time.monotonic()
                return settled()

            robot.wait_for(counted, 20, f"{sent}, and not {storm.figures(name)}")
            missing = sent.keys() - storm.faults(name, "bad frame").keys()
            for key in missing:
                send(key)
            return not missing

        robot.wait_for(all_met, PATIENCE, "each kind")
        found = storm.faults(name, "bad frame")
        assert found.keys() == sent.keys()
        assert all(found[key] <= times for key, times in sent.items()), (found, sent)
        assert int(storm.figures(name)["bad_frames"]) == sum(found.values())
        log = robot.log(NODES[name])
        assert all(log.count(f"/diagnostics: {key})") == 1 for key in sent)

        def named(name=name):
            send(list(kinds)[-1])
            status = robot.status(name)[0]
            return status.level == b"\x01" and WORDS[storm.transport] in status.message

        robot.wait_for(named, 20, WORDS[storm.transport])


def bad_models_and_camera_infos_are_counted(storm, elsewhere):
    robot = storm.robot
    model = VisionInfo(database_location=str(elsewhere), database_version=9)
    info = serialize_message(CameraInfo(distortion_model="plumb_bob"))
    rows = (
        ("detector", "bad model", storm.models, model, Fault.MODEL),
        ("detector", "bad model", storm.models, serialize_message(model)[:-9], Fault.SERIALIZED),
        ("capture", "bad camera_info", robot.camera_info, CameraInfo(d=[0.0] * 99), Fault.CAMERA),
        ("capture", "bad camera_info", robot.camera_info, info[:60], Fault.SERIALIZED),
    )
    expected = {(node, what): {} for node, what, *_ in rows}
    for node, what, publisher, message, kind in rows:
        expected[node, what][f"{what}: {kind.value}"] = 1
        publisher.publish(message)
        robot.wait_for(
            lambda node=node, what=what: storm.faults(node, what) == expected[node, what],
            10,
            f"{expected[node, what]}, and not {storm.figures(node)}",
        )
        assert robot.level(node) == b"\x01"
