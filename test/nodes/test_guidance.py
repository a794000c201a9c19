"""What a teaching session wants of the person, by what the nodes tell."""

import pytest

from automask_ros.library.view_selector import ViewSelector
from automask_ros.nodes.guidance import Guidance, Tone, cure_of_mask, cure_of_refusal
from automask_ros.nodes.narrator import Narrator, commands, line_of
from automask_ros.nodes.teach_node import version_of
from automask_ros.nodes.teaching_session import Commands, TeachingSession
from automask_ros.segmentation import verdict as verdicts

COMMANDS = Commands("START", "TRAIN")


class Nodes:
    """What capture, mask_generator and trainer would tell, one second after the other."""

    def __init__(self, trains=True):
        self.now = 100.0
        self.session = TeachingSession(COMMANDS, self.now, trains)

    def capture(self, views, state="started", label="mug", target=4, refusal="", trouble=""):
        values = {"label": label, "state": state, "views": str(views), "target": str(target)}
        self.session.tell(
            "capture", trouble, {**values, "last_refusal": refusal}, bool(trouble), self.now
        )

    def masks(
        self,
        accepted=0,
        refused=0,
        waiting=0,
        reason="",
        view="1",
        label="mug",
        views=None,
        trouble="",
    ):
        counts = {"accepted": accepted, "refused": refused, "waiting": waiting, "unsettled": 0}
        counts["views"] = accepted + refused + waiting if views is None else views
        values = {f"{label}: {key}": str(value) for key, value in counts.items()}
        newest = {"label": label, "view": view, "accepted": str(not reason), "reasons": reason}
        told = {**values, **newest}
        self.session.tell("mask_generator", trouble, told, bool(trouble), self.now)

    def trainer(self, stage="", message="", **values):
        told = {name.replace("AP_", "AP "): str(value) for name, value in values.items()}
        told |= {"stage": stage} if stage else {}
        self.session.tell("trainer", message, told, False, self.now)

    def says(self, seconds=0.0):
        self.now += seconds
        return self.session.guidance(self.now)


def test_a_whole_session():
    nodes = Nodes()
    assert nodes.says() == Guidance(Tone.WAIT, "starting")
    nodes.capture(0, "stopped")
    nodes.masks()
    nodes.trainer()
    assert nodes.says() == Guidance(Tone.ACT, "hold the mug ready", "START")
    nodes.capture(0)
    assert nodes.says() == Guidance(Tone.GOOD, "turn the mug", "0 of 4 views of mug", 0.0)
    nodes.capture(1)
    nodes.capture(1, refusal="same view again")
    assert nodes.says(0.5).text == "turn the mug", "a view was kept just now"
    told = nodes.says(1.0)
    assert told.tone is Tone.ACT
    assert told.text == "same view again: turn it to a side that was not seen yet"
    assert told.detail == "1 of 4 views of mug" and told.share == 0.25
    nodes.masks(refused=1, reason="touches the border of the image (20% of its boundary)", view="2")
    told = nodes.says()
    assert (told.tone, told.text, told.detail) == (
        Tone.TROUBLE,
        "mask refused: touches the border of the image",
        "bring it to the middle of the picture",
    )
    assert "mask refused" not in nodes.says(3.5).text, "it is not spoken of for ever"
    nodes.capture(2, "stopped")
    assert nodes.says() == Guidance(Tone.ACT, "paused: 2 of 4 views of mug", "go on: START", 0.5)
    nodes.capture(10, "complete", target=10)
    nodes.masks(accepted=6, waiting=4)
    assert nodes.says() == Guidance(
        Tone.WAIT, "all 10 views of mug are there: 4 masks to go", "", 0.6
    )
    nodes.masks(accepted=6, waiting=1)  # it has seen seven of the ten views
    assert nodes.says().text.endswith("4 masks to go")
    nodes.masks(accepted=9, waiting=1)
    assert nodes.says().text.endswith("one mask to go")
    assert not nodes.session.training_due
    nodes.masks(accepted=8, refused=2, view="3")
    assert nodes.session.training_due
    nodes.session.training_ordered(nodes.now)
    assert not nodes.session.training_due
    assert nodes.says().text == "8 of 10 masks of mug accepted"
    nodes.trainer("composites", job=1, step=0, total=1)
    assert nodes.says() == Guidance(Tone.WAIT, "training begins", "composites")
    nodes.trainer("look", job=1, step=3, total=80, seconds_left=130.0)
    assert nodes.says() == Guidance(Tone.WAIT, "training: 2 min 10 s left", "look 3 of 80")
    nodes.trainer("train", job=1, step=3, total=80, seconds_left=40.2)
    assert nodes.says().text == "training: 40 s left"
    nodes.trainer("done", job=1, version=3, promoted=True, AP_mug=0.934)
    nodes.session.training.runs(2)
    loading = nodes.says()
    assert (loading.tone, loading.text) == (
        Tone.WAIT,
        "trained (AP 0.93 on held-out views): the detector loads it",
    )
    nodes.session.training.runs(3)
    assert nodes.says() == Guidance(
        Tone.GOOD, "mug is live (AP 0.93 on held-out views)", "model version 3"
    )
    # Figures that change without a change of state do not take it back.
    nodes.capture(10, "complete", target=10, refusal="too blurred")
    assert nodes.says().text.startswith("mug is live")
    nodes.capture(0, "stopped", label="bottle", target=10)
    assert nodes.says().text == "hold the bottle ready"


def shown(nodes, views=10, label="mug"):
    """All views of an object were shown just now, and their masks are there."""
    nodes.capture(0, target=views, label=label)
    nodes.capture(views, "complete", target=views, label=label)
    nodes.masks(accepted=views, label=label)


def trained(nodes, job=1, version=1, label="mug"):
    """The trainer is called, and a version goes live."""
    nodes.session.training_ordered(nodes.now)
    nodes.trainer("start", job=job)
    done = {"job": job, "version": version, "promoted": True, f"AP_{label}": 0.9}
    nodes.trainer("done", **done)


def test_what_is_trained_is_not_taken_for_what_is_shown_next():
    nodes = Nodes()
    shown(nodes)
    nodes.trainer()
    nodes.session.training_ordered(nodes.now)
    nodes.trainer("start", job=1)
    nodes.capture(0, "stopped", label="bottle")
    assert nodes.says().text == "training begins"
    nodes.session.training.runs(1)
    nodes.trainer("done", job=1, version=1, promoted=True, AP_mug=0.9)
    assert nodes.says(5.0).text == "mug is live (AP 0.90 on held-out views)"
    assert nodes.says(6.0) == Guidance(Tone.ACT, "hold the bottle ready", "START")


def test_nor_where_the_training_waited_for_masks_meanwhile():
    nodes = Nodes()
    shown(nodes)
    nodes.trainer()
    nodes.session.training.runs(1)
    nodes.session.training_ordered(nodes.now)
    nodes.trainer("masks", "waiting for mask_generator to compare 8 masks", job=1)
    nodes.capture(0, "stopped", label="bottle")
    nodes.trainer("start", job=1)
    nodes.trainer("done", job=1, version=1, promoted=True, AP_mug=0.9)
    assert nodes.says(5.0).text == "mug is live (AP 0.90 on held-out views)"
    assert nodes.says(6.0) == Guidance(Tone.ACT, "hold the bottle ready", "START")


def test_an_object_that_was_not_trained_is_not_called_live():
    nodes = Nodes()
    nodes.session.training.runs(2)
    nodes.trainer()
    shown(nodes, label="bottle")
    trained(nodes, version=2, label="mug")
    assert nodes.says(1.0) == Guidance(Tone.GOOD, "model version 2 is live", "it learned mug")
    told = nodes.says(10.0)
    assert (told.tone, told.detail) == (Tone.ACT, "train: TRAIN")


def test_what_is_known_already_is_not_asked_for_again():
    nodes = Nodes()
    nodes.masks(accepted=9, refused=1)
    nodes.capture(10, "complete", target=10)
    nodes.trainer(live=3, known="bottle, mug")
    text = "9 of 10 masks of mug accepted"
    assert nodes.says() == Guidance(
        Tone.GOOD, "mug is known to model version 3", f"{text}; train: TRAIN"
    )
    nodes.trainer(live=1, known="bottle")
    assert nodes.says() == Guidance(Tone.ACT, text, "train: TRAIN")


def test_the_trainer_says_how_many_masks_are_enough():
    nodes = Nodes()
    nodes.trainer(min_views=3)
    shown(nodes, 5)
    assert nodes.session.training_due
    nodes.trainer(min_views=20)
    assert not nodes.session.training_due
    assert nodes.says().text == "only 5 of 5 masks accepted: too few to train on"


def test_who_stops_before_all_views_are_there_can_train_on_those():
    nodes = Nodes()
    nodes.masks(accepted=5)
    nodes.capture(5, "stopped", target=1000)
    assert nodes.says().detail == "go on: START"
    nodes.masks(accepted=6, view="2")
    assert nodes.says().detail == "go on: START, or train: TRAIN"


def test_who_hears_the_nodes_late_hears_the_same():
    for first, second in (("capture", "trainer"), ("trainer", "capture")):
        nodes = Nodes()
        tell = {
            "capture": lambda told=nodes: told.capture(10, "complete", target=10),
            "trainer": lambda told=nodes: told.trainer(
                "done", job=1, version=1, promoted=True, AP_mug=0.9
            ),
        }
        nodes.masks(accepted=10)
        nodes.session.training.runs(1)
        tell[first]()
        tell[second]()
        assert nodes.says().text == "mug is live (AP 0.90 on held-out views)"
    nodes.capture(0, "stopped", label="bottle")
    assert nodes.says().text == "hold the bottle ready"
    late = Nodes()
    late.trainer("done", job=1, version=1, promoted=True, AP_mug=0.9)
    late.capture(0, "stopped", label="bottle")
    late.trainer("done", job=2, version=2, promoted=True, AP_mug=0.9)
    assert late.says().text == "hold the bottle ready"


def test_a_trainer_that_is_started_again_is_not_waited_for():
    nodes = Nodes()
    shown(nodes)
    nodes.trainer()
    trained(nodes)
    nodes.trainer()
    assert nodes.says() == Guidance(Tone.ACT, "10 of 10 masks of mug accepted", "train: TRAIN")


def test_an_order_that_came_to_nothing_is_told():
    nodes = Nodes()
    shown(nodes)
    nodes.trainer()
    nodes.session.training_ordered(nodes.now)
    assert nodes.says(20.0).detail == "training is ordered"
    assert nodes.says(20.0).detail == "train: TRAIN", "the call was lost"
    nodes.session.training.answered("no views in /library")
    assert nodes.says() == Guidance(
        Tone.TROUBLE, "training was not ordered: no views in /library", "train: TRAIN"
    )
    nodes.trainer("start", job=1)
    assert nodes.says().text == "training begins"


def test_a_node_that_is_missing_is_told():
    nodes = Nodes()
    shown(nodes)
    assert nodes.says(6.0) == Guidance(
        Tone.TROUBLE, "no word from trainer", "is the node trainer running?"
    )
    nodes.trainer("train", job=1, step=1, total=8, seconds_left=40.0)
    nodes.session.present("trainer", False, nodes.now)
    assert nodes.says(1.0).text == "training: 40 s left", "it may come back at once"
    nodes.session.present("trainer", False, nodes.now)
    assert nodes.says(6.0).text == "no word from trainer"
    nodes.session.present("trainer", True, nodes.now)
    assert nodes.says(6.0).text == "training: 40 s left"
    nodes.session.present("capture", False, nodes.now)
    assert nodes.says(6.0).text == "training: 40 s left", "which needs no camera"
    nodes.trainer("failed", job=1)
    assert nodes.says().text == "no word from capture"


def test_what_keeps_masks_from_being_made_is_told():
    nodes = Nodes()
    shown(nodes)
    nodes.trainer()
    nodes.masks(waiting=10, trouble="not making masks: the disk is full")
    assert nodes.says() == Guidance(Tone.TROUBLE, "not making masks: the disk is full")
    nodes.masks(accepted=3, waiting=7)
    assert nodes.says().text.endswith("7 masks to go")


def test_views_that_are_not_kept_are_no_pause():
    nodes = Nodes()
    nodes.capture(1)
    nodes.capture(2, "not keeping views")
    assert nodes.says(1.0).text == "turn the mug"
    nodes.capture(2, "not keeping views", trouble="the disk is full")
    assert nodes.says(5.0) == Guidance(Tone.TROUBLE, "the disk is full")


def test_a_version_that_is_taken_back_is_not_waited_for():
    nodes = Nodes()
    nodes.session.training.runs(2)
    shown(nodes)
    nodes.trainer()
    trained(nodes, version=3)
    nodes.session.training.runs(3)
    assert nodes.says().text.startswith("mug is live")
    nodes.session.training.runs(2)
    back = Guidance(Tone.GOOD, "model version 2 is live again", "in place of version 3")
    assert nodes.says() == back
    late = Nodes()
    late.session.training.runs(2)
    done = {"job": 1, "version": 3, "promoted": True, "AP_mug": 0.9}
    late.trainer("done", **done, live=2)
    late.capture(10, "complete", target=10)
    assert late.says() == back, "who came later hears from the trainer which one is live"
    late.trainer("done", **done, live=4)
    assert late.says() == Guidance(Tone.GOOD, "model version 4 is live", "in place of version 3")


def test_a_detector_is_waited_for_where_there_is_one_and_not_for_ever():
    nodes = Nodes()
    shown(nodes)
    nodes.trainer()
    trained(nodes)
    assert nodes.says() == Guidance(
        Tone.GOOD,
        "mug is trained (AP 0.90 on held-out views)",
        "no detector runs model version 1",
    )
    nodes.session.training.runs(0)
    assert nodes.says().text.endswith("the detector loads it")
    assert nodes.says(61.0).text == "the detector has not loaded version 1"
    nodes.session.training.runs(1)
    nodes.session.training.runs(0)
    assert nodes.says().text.startswith("mug is live")
    nodes.session.training.is_gone()
    assert nodes.says().text.startswith("mug is trained")


def test_one_view_more_between_two_words_is_trained_on():
    nodes = Nodes()
    shown(nodes)
    nodes.trainer()
    trained(nodes)
    assert not nodes.session.training_due
    nodes.capture(9, "stopped", target=10)
    nodes.capture(10, "complete", target=10)
    assert nodes.session.training_due


def test_what_another_had_trained_is_not_trained_on_again():
    nodes = Nodes()
    nodes.trainer()
    shown(nodes)
    nodes.trainer("masks", job=1)
    nodes.trainer("start", job=1)
    nodes.trainer("done", job=1, version=1, promoted=True)
    assert not nodes.session.training_due
    early = Nodes()
    early.trainer()
    early.capture(5, target=10)
    early.trainer("start", job=1)
    shown(early)
    early.trainer("done", job=1, version=1, promoted=True)
    assert early.session.training_due, "it began before all views were there"


def test_training_is_not_ordered_for_what_was_shown_before():
    nodes = Nodes()
    nodes.capture(10, "complete", target=10)
    nodes.masks(accepted=10)
    nodes.trainer()
    assert not nodes.session.training_due
    assert nodes.says() == Guidance(Tone.ACT, "10 of 10 masks of mug accepted", "train: TRAIN")


def test_who_wants_to_train_by_hand_is_told_the_command():
    nodes = Nodes(trains=False)
    nodes.capture(0, target=10)
    nodes.capture(10, "complete", target=10)
    nodes.masks(accepted=9, refused=1)
    nodes.trainer()
    assert not nodes.session.training_due
    assert nodes.says() == Guidance(Tone.ACT, "9 of 10 masks of mug accepted", "train: TRAIN")


def test_too_few_masks_are_not_trained_on():
    nodes = Nodes()
    nodes.capture(0)
    nodes.capture(10, "complete", target=10)
    nodes.trainer()
    nodes.masks(accepted=5, refused=5)
    assert not nodes.session.training_due
    told = nodes.says()
    assert told.tone is Tone.TROUBLE
    assert told.text == "only 5 of 10 masks accepted: too few to train on"


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ({"promoted": False, "version": 2, "message": "cup fell"}, "version 2 does not go live"),
        ({"stage": "failed", "message": "no memory"}, "training failed: no memory"),
        ({"stage": "cancelled", "message": "cancelled"}, "training cancelled"),
    ],
)
def test_a_training_that_ends_without_a_live_model_is_told(told, text):
    nodes = Nodes()
    nodes.capture(10, "complete", target=10)
    nodes.trainer(**{"stage": "done", "job": 1, **told})
    assert nodes.says().tone is Tone.TROUBLE and nodes.says().text == text


def test_trouble_and_silence_are_told():
    nodes = Nodes()
    assert nodes.says(6.0).text == "no word from capture"
    nodes.capture(0, "stopped", trouble="nobody publishes /image: start the camera")
    assert nodes.says() == Guidance(Tone.TROUBLE, "nobody publishes /image: start the camera")


def test_what_others_publish_ends_nothing():
    nodes = Nodes()
    for text in ("nan", "inf", "-1e999", "many", ""):
        nodes.session.tell(
            "capture",
            "",
            {"label": "mug", "state": "started", "views": text, "target": text},
            False,
            1.0,
        )
        assert nodes.says().text == "turn the mug"
        nodes.session.tell("trainer", "", {"stage": "done", "version": text}, False, 1.0)
        nodes.session.tell("mask_generator", "", {"mug: views": text}, False, 1.0)
        nodes.says()


@pytest.mark.parametrize(
    ("location", "version"),
    [("/lib/models/7", 7), ("", None), ("/lib/models/x", None), ("/lib/" + "9" * 5000, None)],
)
def test_the_version_is_that_of_a_folder_of_ours(location, version):
    assert version_of(location) == version


def test_every_reason_of_the_selector_and_of_the_verdict_has_its_cure():
    import inspect
    import re

    for source, cure, least in (
        (inspect.getsource(ViewSelector), cure_of_refusal, 2),
        (inspect.getsource(verdicts), cure_of_mask, 10),
    ):
        # A reason is words with a figure: `f"too small ({area:.1%} of the image)"`.
        reasons = set(
            re.findall(r'f?"([a-z][a-z ,:]+(?: \(|\{)|no object found|differs [a-z: ]+)', source)
        )
        reasons = {each.rstrip("{( ") for each in reasons}
        assert len(reasons) >= least, reasons
        assert all(cure(each) for each in reasons), [each for each in reasons if not cure(each)]
    assert cure_of_mask("the sun") == ""


def test_the_console_says_each_thing_once_and_not_too_fast():
    said = []
    narrator = Narrator(lambda tone, line: said.append(line))
    turn = Guidance(Tone.GOOD, "turn the mug", "1 of 4")
    again = Guidance(Tone.ACT, "same view again")
    for second in range(10):
        narrator.tell(turn, 0.2 * second)
    assert said == ["turn the mug (1 of 4)"]
    narrator.tell(again, 0.5)
    assert len(said) == 1, "too soon"
    narrator.tell(again, 1.1)
    assert said == ["turn the mug (1 of 4)", "same view again"]
    narrator.tell(Guidance(Tone.ACT, "too blurred"), 2.2)
    assert len(said) == 2
    narrator.tell(Guidance(Tone.ACT, "too blurred"), 3.2)
    assert said[2:] == ["too blurred"]


def test_a_line_of_the_console_has_one_bracket():
    live = Guidance(Tone.GOOD, "mug is live (AP 0.93 on held-out views)", "model version 3")
    assert line_of(live) == "mug is live (AP 0.93 on held-out views, model version 3)"
    assert line_of(Guidance(Tone.GOOD, "turn the mug", "1 of 4")) == "turn the mug (1 of 4)"


def test_a_trouble_of_which_but_the_figures_change_is_not_told_again_and_again():
    said = []
    narrator = Narrator(lambda tone, line: said.append(line))
    for second in range(50):
        narrator.tell(Guidance(Tone.TROUBLE, f"nothing came for {second} s"), float(second))
    assert said == [f"nothing came for {second} s" for second in (0, 20, 40)]


def test_what_does_not_keep_views_from_coming_does_not_hide_what_to_do():
    nodes = Nodes()
    nodes.capture(1)
    nodes.capture(2, trouble="the disk took 3 s")
    assert nodes.says(1.0).text == "turn the mug"
    assert nodes.says(5.0).text == "the disk took 3 s"


def test_the_commands_name_the_robot():
    lines = commands("/lab/robot_1")
    assert any("ros2 service call /lab/robot_1/capture/undo std_srvs" in line for line in lines)
    assert any("/capture/stop" in line and " /capture/stop" in line for line in commands("/"))
