"""What becomes of the object that was shown: training ordered, done, loaded by the detector."""

from __future__ import annotations

import math

from automask_ros.nodes.guidance import Guidance, Tone
from automask_ros.nodes.node_word import Word

_ENDS = ("done", "failed", "cancelled")
_WAITS = ("", "masks", *_ENDS)
"""Stages at which no training runs: none yet, none until masks are there, none any more."""
ORDER_PATIENCE = 30.0
"""Seconds after which a trainer that was called, and did not begin, is not waited for any more."""
LOAD_PATIENCE = 60.0
"""Seconds after which a detector that did not load a new version is missed."""
OTHERS_END = 10.0
"""Seconds for which the end of a training is spoken of while another object is shown already."""


class FollowedTraining:
    """Takes the words of the trainer and the versions of the detector."""

    def __init__(self) -> None:
        self.word = Word()
        self._label = ""  # what was shown when the job was there; empty when that was not seen
        self._ended_at = self._ordered_at = -math.inf
        self._refused = ""
        self._live: int | None = None  # the detector's version
        self._newest = 0  # of those that the detector has had

    @property
    def waits(self) -> bool:
        """Whether a job has the trainer wait or work."""
        return bool(self.stage) and not self.ended

    @property
    def ended(self) -> bool:
        """Whether the trainer's last word is the end of a job."""
        return self.stage in _ENDS

    @property
    def stage(self) -> str:
        """Where the trainer is; empty as long as it had no job."""
        return self.word.text("stage")

    def tell(self, word: Word, label: str, now: float) -> bool:
        """Take over the trainer's word while `label` is shown; whether a training begins."""
        before, self.word = self.word, word
        if word.order == before.order:
            return False
        began = self.stage not in _WAITS and before.text("stage") in _WAITS
        if word.text("job") != before.text("job"):  # none: the trainer was started again
            self._label = label if before.order and self.waits else ""
        if self.ended:
            self._ended_at = now
        if before.order:
            self.answered()
        return began and bool(before.order)

    def ordered(self, now: float) -> None:
        """The trainer was called."""
        self._ordered_at, self._refused = now, ""

    def answered(self, refusal: str = "") -> None:
        """The trainer has a job, or refused the order."""
        self._ordered_at, self._refused = -math.inf, refusal

    def is_ordered(self, now: float) -> bool:
        """Whether the trainer was called and is to begin."""
        return now - self._ordered_at < ORDER_PATIENCE

    @property
    def refused(self) -> str:
        """Why the order was refused; empty when it was not."""
        return self._refused

    def runs(self, version: int) -> None:
        """The detector has loaded this version; 0 for one that says nothing yet."""
        if version or self._live is None:
            self._live = version
            self._newest = max(self._newest, version)

    def is_gone(self) -> None:
        """There is no detector."""
        self._live = None

    def concerns(self, label: str, now: float) -> bool:
        """Whether the end of the last training is to be told to who shows `label`."""
        trained = self._trained()
        if self._label and now - self._ended_at < OTHERS_END:
            return True
        return self._label in ("", label) and (not trained or label in trained)

    def _trained(self) -> list[str]:
        """The objects that were trained; none where the trainer did not say."""
        return [key[len("AP ") :] for key in self.word.values if key.startswith("AP ")]

    def running(self) -> Guidance:
        """How long it takes."""
        left = self.word.figure("seconds_left")
        if self.stage == "masks":
            return Guidance(Tone.WAIT, self.word.message)
        text = f"training: {_duration(left)} left" if left is not None else "training begins"
        return Guidance(Tone.WAIT, text, self._step())

    def _step(self) -> str:
        """'train 80 of 264'; a stage of one step by its name alone; empty when it is not told."""
        step, total = self.word.text("step"), self.word.text("total")
        if not total:
            return ""
        return self.stage if total == "1" else f"{self.stage} {step} of {total}"

    def outcome(self, shown: str, now: float) -> Guidance:
        """What became of it, to who shows the object `shown`."""
        word = self.word
        if self.stage != "done":
            why = f": {word.message}" if word.message != self.stage else ""
            return Guidance(Tone.TROUBLE, f"training {self.stage}{why}")
        version = word.number("version")
        if word.text("promoted") != "True":
            return Guidance(Tone.TROUBLE, f"version {version} does not go live", word.message)
        label, trained = self._label or shown, self._trained()
        precision = word.figure(f"AP {label}")
        measured = f" (AP {precision:.2f} on held-out views)" if precision is not None else ""
        if (live := self._in_place_of(version)) is not None:
            text = f"model version {live} is live"
            if live < version:
                text = f"model version {live} is live again"
            return Guidance(Tone.GOOD, text, f"in place of version {version}")
        if self._live is None:
            text = f"{label} is trained{measured}"
            return Guidance(Tone.GOOD, text, f"no detector runs model version {version}")
        if self._live >= version and trained and label not in trained:
            text = f"model version {version} is live"
            return Guidance(Tone.GOOD, text, f"it learned {', '.join(trained)}")
        if self._live >= version:
            return Guidance(Tone.GOOD, f"{label} is live{measured}", f"model version {version}")
        if now - self._ended_at > LOAD_PATIENCE:
            text = f"the detector has not loaded version {version}"
            return Guidance(Tone.TROUBLE, text, "is the node detector active?")
        return Guidance(Tone.WAIT, f"trained{measured}: the detector loads it")

    def _in_place_of(self, version: int) -> int | None:
        """The version that was promoted after this one; None where none was."""
        promoted = self.word.number("live")
        if promoted and promoted != version:
            return promoted
        taken_back = self._live is not None and self._live < version <= self._newest
        return self._live if taken_back else None


def _duration(seconds: float) -> str:
    """'40 s', '3 min 20 s': for a person who waits."""
    whole = max(round(seconds), 0)
    return f"{whole} s" if whole < 90 else f"{whole // 60} min {whole % 60} s"
