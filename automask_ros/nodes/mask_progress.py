"""`mask_generator/progress`: the newest mask with its verdict, and what is still to be done."""

from __future__ import annotations

from collections.abc import Container, Sequence

from rclpy.node import Node

from automask_ros.library.outcomes import Outcome, count_outcomes, outcome_of
from automask_ros.nodes.diagnostics import ERROR, OK
from automask_ros.nodes.progress_topic import ProgressTopic
from automask_ros.types import Verdict, View


class MaskProgress:
    """Told from the thread that makes the masks."""

    def __init__(self, node: Node) -> None:
        self._topic = ProgressTopic(node)
        self._newest: dict[str, object] = {}
        self._counts: dict[str, int] = {}

    def made(self, view: View, verdict: Verdict) -> str:
        """Tell of a new mask; what was told, in one line."""
        words = summary(view, verdict)
        self._newest = {
            "label": view.label,
            "view": view.id,
            "accepted": verdict.accepted,
            "score": verdict.score,
            "reasons": "; ".join(verdict.reasons),
        }
        waiting = f"{view.label}: waiting"
        if self._counts.get(waiting):  # counted anew by `at`, after some more
            self._counts[waiting] -= 1
            self._counts[f"{view.label}: {'accepted' if verdict.accepted else 'refused'}"] += 1
        self._topic.tell(OK, words, {**self._newest, **self._counts})
        return words

    def doing(self, activity: str) -> None:
        """Tell what is done now."""
        self._topic.tell(OK, activity, {**self._newest, **self._counts})

    def hindered(self, why: str) -> None:
        """Tell why nothing is done."""
        self._topic.tell(ERROR, why, {**self._newest, **self._counts})

    def at(
        self, activity: str, views: Sequence[View], hopeless: Container[tuple[str, str]] = ()
    ) -> None:
        """Tell what is done now, and how it stands with the masks of all `views`.

        The figures of each object are under its label: `mug: accepted`, `mug: waiting`, ...
        `hopeless` has label and id of views that get no mask as they are: none waits for them.
        """
        by_label: dict[str, list[View]] = {}
        for view in views:
            by_label.setdefault(view.label, []).append(view)
        counts: dict[str, int] = {}
        for label, of_label in sorted(by_label.items()):
            outcomes = count_outcomes(of_label)
            good = outcomes[Outcome.ACCEPTED] + outcomes[Outcome.DRAWN]
            counts[f"{label}: views"] = len(of_label)
            counts[f"{label}: accepted"] = good
            counts[f"{label}: refused"] = outcomes[Outcome.REFUSED]
            counts[f"{label}: waiting"] = sum(
                outcome_of(view) is Outcome.WAITING and (label, view.id) not in hopeless
                for view in of_label
            )
            counts[f"{label}: unsettled"] = sum(view.unsettled for view in of_label)
        self._counts = counts
        self.doing(activity)


def summary(view: View, verdict: Verdict) -> str:
    """A new mask in one line: the object, the view, the verdict with its score and reasons."""
    outcome = "accepted" if verdict.accepted else "refused"
    words = f"{view.label} {view.id}: mask {outcome}, score {verdict.score:.2f}"
    return ": ".join((words, *filter(None, [", ".join(verdict.reasons)])))
