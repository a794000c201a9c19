"""One teaching session as the four nodes tell it, and what it wants of the person now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from automask_ros.nodes.followed_training import FollowedTraining
from automask_ros.nodes.guidance import Guidance, Tone, cure_of_mask, cure_of_refusal
from automask_ros.nodes.node_word import Word
from automask_ros.nodes.train_parameters import MIN_VIEWS

LINGER = 3.0
"""Seconds for which a refused mask, or a view just kept, is spoken of."""
PATIENCE = 5.0
"""Seconds after which a node that says nothing, or is gone, is missed."""
NODES = ("capture", "mask_generator", "trainer")
"""Who tells how far it is."""

_SHOWING = ("started", "not keeping views")
_WHAT_COUNTS = {
    "capture": ("label", "state", "views"),
    "mask_generator": ("label", "view", "score"),
    "trainer": ("job", "stage"),
}
"""Figures of each node whose change is a change of state."""


@dataclass(frozen=True)
class Commands:
    """How the person answers: one command line each."""

    start: str = "call capture/start"
    train: str = "call trainer/train"


class TeachingSession:
    """Takes what nodes tell, in any order, and says the one thing that matters now.

    Showing goes first: while frames are taken the person needs an answer to each movement.
    """

    def __init__(self, commands: Commands, started: float, trains: bool = True) -> None:
        self._commands, self._started, self._trains = commands, started, trains
        self._words = {name: Word() for name in NODES}
        self._gone: dict[str, float] = {}  # nodes without a publisher, and since when
        self._count = 1
        self._kept_at = self._mask_at = -LINGER
        self._fresh = False  # the object was shown, and no training begun since
        self.training = FollowedTraining()

    @property
    def label(self) -> str:
        """The object that is shown; empty as long as capture has not said."""
        return self._words["capture"].text("label")

    def tell(
        self, node: str, message: str, values: Mapping[str, str], troubled: bool, now: float
    ) -> None:
        """Take over the word of a node, one of NODES."""
        before = self._words[node]
        self._count += 1
        order = self._count
        if before.order and not _differ(_WHAT_COUNTS[node], before.values, values):
            order = before.order  # the same state in other words
        elif node == "mask_generator" and before.order:
            self._mask_at = now
        elif node == "capture" and not before.order and values.get("state") == "complete":
            order = 1  # long since: what the trainer tells is newer, whoever is heard first
        word = self._words[node] = Word(message, dict(values), troubled, order)
        if node == "capture":
            self._show(before, word, now)
        if node == "trainer" and self.training.tell(word, self.label, now) and self.complete:
            self._fresh = False  # whoever ordered it

    def _show(self, before: Word, word: Word, now: float) -> None:
        """Whether capture shows something new."""
        if word.text("label") != before.text("label"):
            self._fresh = False
            self.training.answered()
        elif before.order and word.number("views") > before.number("views"):
            self._kept_at = now
            self._fresh = True  # it may have started and ended between two words
        self._fresh |= word.text("state") == "started"

    def present(self, node: str, there: bool, now: float) -> None:
        """Whether a node, one of NODES, is there at all: its last word outlives it."""
        if there:
            self._gone.pop(node, None)
        else:
            self._gone.setdefault(node, now)

    @property
    def complete(self) -> bool:
        """Whether all views are there and each has its mask."""
        capture, masks = self._words["capture"], self._words["mask_generator"]
        return (
            capture.text("state") == "complete"
            and masks.number(f"{self.label}: views") >= capture.number("views")
            and not masks.number(f"{self.label}: waiting")
        )

    @property
    def training_due(self) -> bool:
        """Whether what was shown now is ready to be trained on."""
        idle = self._words["trainer"].order and not self.training.waits
        return bool(
            self._trains and self._fresh and idle and self.complete and self.accepted >= self._least
        )

    def training_ordered(self, now: float) -> None:
        """What was shown is being trained on; more has to be shown before it is due again."""
        self._fresh = False
        self.training.ordered(now)

    @property
    def _least(self) -> int:
        """Accepted masks without which the trainer does not train an object."""
        return self._words["trainer"].number("min_views") or MIN_VIEWS

    @property
    def accepted(self) -> int:
        """Accepted masks of the object."""
        return self._words["mask_generator"].number(f"{self.label}: accepted")

    def guidance(self, now: float) -> Guidance:
        """What to do, or what happens; `now` in steady seconds."""
        capture, training = self._words["capture"], self.training
        works = training.waits and not self._silent("trainer", now)
        if self._silent("capture", now) and not works:
            return self._missed("capture", now)
        state = capture.text("state")
        # As long as views come, what troubles capture does not hinder it.
        hinders = state != "complete" and now - self._kept_at > LINGER
        if capture.troubled and hinders and not (works and state not in _SHOWING):
            return Guidance(Tone.TROUBLE, capture.message)
        if state in _SHOWING and not self._silent("capture", now):
            return self._showing(now)
        if works:
            return training.running()
        if training.waits:
            return self._missed("trainer", now)
        newer = training.word.order > capture.order
        if training.ended and newer and training.concerns(self.label, now):
            return training.outcome(self.label, now)
        if state == "complete":
            return self._shown(now)
        return self._stopped(capture)

    def _silent(self, node: str, now: float) -> bool:
        gone = now - self._gone.get(node, now) >= PATIENCE
        return gone or not self._words[node].order

    def _missed(self, node: str, now: float) -> Guidance:
        if now - self._started < PATIENCE:
            return Guidance(Tone.WAIT, "starting")
        return Guidance(Tone.TROUBLE, f"no word from {node}", f"is the node {node} running?")

    def _stopped(self, capture: Word) -> Guidance:
        views, target = capture.number("views"), capture.number("target")
        if not views:
            return Guidance(Tone.ACT, f"hold the {self.label} ready", self._commands.start)
        text = f"paused: {views} of {target} views of {self.label}"
        detail = f"go on: {self._commands.start}"
        if self.accepted >= self._least:
            detail += f", or train: {self._commands.train}"
        return Guidance(Tone.ACT, text, detail, views / max(target, 1))

    def _showing(self, now: float) -> Guidance:
        capture = self._words["capture"]
        views, target = capture.number("views"), capture.number("target")
        count, share = f"{views} of {target} views of {self.label}", views / max(target, 1)
        if bad := self._refused_mask(now):
            reason, cure = bad
            return Guidance(Tone.TROUBLE, f"mask refused: {reason}", cure or count, share)
        refusal = capture.text("last_refusal")
        if refusal and now - self._kept_at > 1.0:
            cure = cure_of_refusal(refusal)
            text = f"{refusal}: {cure}" if cure else refusal
            return Guidance(Tone.ACT, text, count, share)
        return Guidance(Tone.GOOD, f"turn the {self.label}", count, share)

    def _refused_mask(self, now: float) -> tuple[str, str] | None:
        """Why the newest mask of this object was refused, and what to do; None when it was not."""
        masks = self._words["mask_generator"]
        if now - self._mask_at > LINGER or masks.text("label") != self.label:
            return None
        if masks.text("accepted") != "False":
            return None
        reason = masks.text("reasons").partition("; ")[0]
        return reason.partition(" (")[0], cure_of_mask(reason)

    def _shown(self, now: float) -> Guidance:
        """All views are there: masks are made and compared, and then training is due."""
        capture, masks = self._words["capture"], self._words["mask_generator"]
        if self._silent("mask_generator", now):
            return self._missed("mask_generator", now)
        if masks.troubled:
            return Guidance(Tone.TROUBLE, masks.message)
        views = capture.number("views")
        all_views = f"all {views} views of {self.label} are there"
        if not self.complete:
            waiting = self._without_mask(views)
            share = 1 - waiting / max(views, 1)
            if waiting == 1:
                return Guidance(Tone.WAIT, f"{all_views}: one mask to go", "", share)
            return Guidance(Tone.WAIT, f"{all_views}: {waiting} masks to go", "", share)
        if self.accepted < self._least:
            if masks.number(f"{self.label}: unsettled"):
                return Guidance(Tone.WAIT, f"{all_views}: comparing their masks", masks.message)
            text = f"only {self.accepted} of {views} masks accepted: too few to train on"
            cure = "look at mask_generator/overlay, raise views of capture and show it again"
            return Guidance(Tone.TROUBLE, text, cure)
        return self._to_be_trained(
            f"{self.accepted} of {views} masks of {self.label} accepted", now
        )

    def _without_mask(self, views: int) -> int:
        """How many of `views` have no mask: also those that mask_generator has not seen yet."""
        masks = self._words["mask_generator"]
        unseen = max(views - masks.number(f"{self.label}: views"), 0)
        return masks.number(f"{self.label}: waiting") + unseen

    def _to_be_trained(self, text: str, now: float) -> Guidance:
        train = f"train: {self._commands.train}"
        if self.training.refused:
            why = f"training was not ordered: {self.training.refused}"
            return Guidance(Tone.TROUBLE, why, train)
        if self._trains and (self._fresh or self.training.is_ordered(now)):
            if self._silent("trainer", now):
                return self._missed("trainer", now)
            return Guidance(Tone.WAIT, text, "training is ordered")
        trainer = self._words["trainer"]
        if not self._fresh and self.label in trainer.text("known").split(", "):
            known = f"{self.label} is known to model version {trainer.text('live')}"
            return Guidance(Tone.GOOD, known, f"{text}; {train}")
        return Guidance(Tone.ACT, text, train)


def _differ(keys: tuple[str, ...], one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return any(one.get(key) != other.get(key) for key in keys)
