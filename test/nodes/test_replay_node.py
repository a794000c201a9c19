"""The replay node as a process of its own, over real DDS: every picture, its stamp, its pixels."""

import os
import subprocess
import sys
import time
from functools import partial

import cv2
import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from automask_ros.nodes.image_messages import to_array

STORE = get_typestore(Stores.ROS2_JAZZY)
FRAMES = 12
#: Far from round numbers, so that a stamp that went through a float would show.
FIRST_STAMP_NS = 1_700_000_000_123_456_789
PERIOD_NS = 50_000_001
DOMAIN = 60 + os.getpid() % 40


def stamp_of(index):
    return FIRST_STAMP_NS + index * PERIOD_NS


def picture(index):
    """A gradient with a block that moves: no two pictures are alike."""
    pixels = np.tile(np.arange(160, dtype=np.uint8), (120, 1))[..., None].repeat(3, axis=2)
    pixels[20:60, 10 * index : 10 * index + 20] = (10, 200, 20 * index)
    return pixels


def image_fields(transport, index):
    if transport == "raw":
        return "sensor_msgs/msg/Image", (120, 160, "bgr8", 0, 480, picture(index).reshape(-1))
    data = cv2.imencode(".png", picture(index))[1].reshape(-1)
    return "sensor_msgs/msg/CompressedImage", ("png", data)


def record(path, transport, storage):
    """A recording of /cam/image (or /cam/image/compressed) with /cam/camera_info."""
    types = STORE.types
    topic = "/cam/image" + ("/compressed" if transport == "compressed" else "")
    with Writer(path, version=9, storage_plugin=storage) as writer:
        kind = image_fields(transport, 0)[0]
        images = writer.add_connection(topic, kind, typestore=STORE)
        infos = writer.add_connection(
            "/cam/camera_info", "sensor_msgs/msg/CameraInfo", typestore=STORE
        )
        for index in range(FRAMES):
            nanoseconds = stamp_of(index)
            stamp = types["builtin_interfaces/msg/Time"](*divmod(nanoseconds, 10**9))
            header = types["std_msgs/msg/Header"](stamp, "cam_optical")
            region = types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
            identity = np.eye(3).ravel()
            info = types["sensor_msgs/msg/CameraInfo"](
                header,
                *(120, 160, "plumb_bob", np.zeros(5), identity, identity, np.zeros(12), 0, 0),
                region,
            )
            fields = image_fields(transport, index)[1]
            for connection, message in ((infos, info), (images, types[kind](header, *fields))):
                data = STORE.serialize_cdr(message, connection.msgtype)
                writer.write(connection, nanoseconds + 5_000_000, data)
    return path


class Listener:
    """Subscribes in this process to what the replay process publishes."""

    def __init__(self, kind, topic):
        self.context = Context()
        rclpy.init(context=self.context, domain_id=DOMAIN)
        self.node = rclpy.create_node("listener", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.images, self.infos, self.times = [], [], []
        self.kind, self.topic, self.matched = kind, topic, set()
        for heard, on, take in (
            (kind, topic, self.take),
            (CameraInfo, "/robot/camera_info", self.infos.append),
        ):
            matched = partial(self.match, on)
            self.node.create_subscription(
                heard,
                on,
                take,
                QoSProfile(depth=100),
                event_callbacks=SubscriptionEventCallbacks(matched=matched),
            )

    def match(self, topic, info):
        if info.current_count:
            self.matched.add(topic)

    def begin(self):
        """Let a player that waits for two listeners begin: it hears of the second one, made here,
        after it has heard of the subscriptions above."""
        self.spin_until(lambda: len(self.matched) == 2, 60)
        self.node.create_subscription(self.kind, self.topic, lambda _: None, QoSProfile(depth=1))

    def take(self, message, info):
        self.images.append(message)
        self.times.append(info["source_timestamp"] * 1e-9)

    def spin_until(self, condition, seconds=30.0):
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.05)
        assert condition(), f"{len(self.images)} pictures, {len(self.infos)} infos came in time"

    def close(self):
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


@pytest.fixture
def listen():
    listeners = []

    def start(kind, topic):
        listeners.append(Listener(kind, topic))
        return listeners[-1]

    yield start
    for listener in listeners:
        listener.close()


@pytest.fixture
def replay():
    processes = []

    def start(recording, **parameters):
        arguments = ["--ros-args", "-r", "image:=/robot/image", "-p", f"recording:={recording}"]
        arguments += ["-p", "wait_for:=2"]
        for name, value in parameters.items():
            arguments += ["-p", f"{name}:={value}"]
        process = subprocess.Popen(
            [sys.executable, "-m", "automask_ros.nodes.replay_node", *arguments],
            env={**os.environ, "ROS_DOMAIN_ID": str(DOMAIN)},
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.terminate()
        process.wait(60)
        process.stderr.close()


def nanoseconds(message):
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def received(listener):
    listener.begin()
    listener.spin_until(lambda: len(listener.images) >= FRAMES and len(listener.infos) >= FRAMES)
    return listener.images


def test_compressed_pictures_come_byte_for_byte(tmp_path, listen, replay):
    recording = record(tmp_path / "bag", "compressed", StoragePlugin.MCAP)
    listener = listen(CompressedImage, "/robot/image/compressed")
    process = replay(recording, rate=200.0)
    images = received(listener)
    assert [nanoseconds(each) for each in images] == [stamp_of(i) for i in range(FRAMES)]
    assert [nanoseconds(each) for each in listener.infos] == [stamp_of(i) for i in range(FRAMES)]
    for index, message in enumerate(images):
        assert message.header.frame_id == "cam_optical" and message.format == "png"
        assert bytes(message.data) == cv2.imencode(".png", picture(index))[1].tobytes()
    assert process.wait(60) == 0, process.stderr.read()
    assert len(listener.images) == FRAMES


def test_raw_pictures_come_pixel_for_pixel(tmp_path, listen, replay):
    listener = listen(Image, "/robot/image")
    replay(record(tmp_path / "bag", "raw", StoragePlugin.SQLITE3), rate=100.0)
    images = received(listener)
    assert [nanoseconds(each) for each in images] == [stamp_of(i) for i in range(FRAMES)]
    assert all((to_array(each) == picture(i)).all() for i, each in enumerate(images))


def test_compressed_pictures_can_travel_raw_and_restamped(tmp_path, listen, replay):
    recording = record(tmp_path / "bag", "compressed", StoragePlugin.MCAP)
    listener = listen(Image, "/robot/image")
    begun = time.time_ns()
    replay(recording, rate=100.0, image_transport="raw", restamp=True)
    images = received(listener)
    assert all((to_array(each) == picture(i)).all() for i, each in enumerate(images))
    stamps = [nanoseconds(each) for each in images]
    assert stamps == sorted(stamps)
    assert begun < stamps[0] and stamps[-1] < time.time_ns()


def test_raw_pictures_can_travel_compressed(tmp_path, listen, replay):
    listener = listen(CompressedImage, "/robot/image/compressed")
    recording = record(tmp_path / "bag", "raw", StoragePlugin.MCAP)
    replay(recording, rate=100.0, image_transport="compressed")
    images = received(listener)
    assert {each.format for each in images} == {"jpeg"}
    errors = [
        np.abs(to_array(each).astype(int) - picture(i)).mean() for i, each in enumerate(images)
    ]
    assert max(errors) < 4.0


def test_without_a_rate_pictures_keep_their_own_time(tmp_path, listen, replay):
    recording = record(tmp_path / "bag", "compressed", StoragePlugin.MCAP)
    listener = listen(CompressedImage, "/robot/image/compressed")
    replay(recording)
    received(listener)
    assert listener.times[-1] - listener.times[0] > 0.7 * (FRAMES - 1) * PERIOD_NS * 1e-9


def test_a_loop_begins_again(tmp_path, listen, replay):
    recording = record(tmp_path / "bag", "compressed", StoragePlugin.MCAP)
    listener = listen(CompressedImage, "/robot/image/compressed")
    process = replay(recording, rate=50.0, loop=True)
    listener.begin()
    listener.spin_until(lambda: len(listener.images) > 2 * FRAMES)
    assert [nanoseconds(each) for each in listener.images[: 2 * FRAMES]] == 2 * [
        stamp_of(i) for i in range(FRAMES)
    ]
    assert process.poll() is None
    process.terminate()
    assert process.wait(60) == 0, process.stderr.read()


@pytest.mark.parametrize(
    ("recording", "line"),
    [("''", "no recording given"), ("/nowhere/bag", "there is no recording at /nowhere/bag")],
)
def test_what_cannot_be_played_is_one_line(replay, recording, line):
    process = replay(recording)
    assert process.wait(60) == 2
    errors = [each for each in process.stderr.read().splitlines() if each.startswith("automask:")]
    assert len(errors) == 1 and line in errors[0]
