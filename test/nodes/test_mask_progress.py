"""What mask_generator tells of its masks."""

import pytest

from automask_ros.nodes.diagnostics import ERROR, OK
from automask_ros.nodes.mask_progress import MaskProgress
from automask_ros.types import Verdict, View


@pytest.fixture
def told(make_node):
    progress = MaskProgress(make_node(name="mask_generator"))

    def last():
        status = progress._topic.status
        return status.level, status.message, {each.key: each.value for each in status.values}

    return progress, last


def view(name, accepted=None):
    verdict = None if accepted is None else Verdict(accepted, 0.5, ())
    return View(name, "mug", 1.0, "test", 64, 48, verdict=verdict, made_by="lite, compared")


def test_nobody_waits_for_a_view_that_gets_no_mask(told):
    progress, last = told
    views = [view("a", True), view("b"), view("c")]
    progress.at("waiting for views", views, {("mug", "b"): "damaged"})
    assert last()[2]["mug: waiting"] == "1" and last()[2]["mug: views"] == "3"
    progress.made(views[2], Verdict(True, 0.8, ()))
    assert last()[2]["mug: waiting"] == "0" and last()[2]["mug: accepted"] == "2"


def test_what_hinders_it_is_told_until_it_goes_on(told):
    progress, last = told
    progress.at("making 2 masks", [view("a"), view("b")])
    progress.hindered("not making masks: the disk is full")
    assert last()[:2] == (ERROR, "not making masks: the disk is full")
    assert last()[2]["mug: waiting"] == "2"
    progress.doing("waiting for views")
    assert last()[0] == OK
