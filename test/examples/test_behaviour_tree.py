"""The tree of teach_detect_report: what becomes of children that fail, or take too long."""

import pytest
from examples.run_example import load

example = load("teach_detect_report")
Status = example.Status


class Scripted(example.Behaviour):
    """Gives these statuses, one a tick; the last one for good."""

    def __init__(self, *statuses):
        self.statuses, self.started = list(statuses), 0
        self.why = "it is scripted"

    def start(self):
        self.started += 1

    def tick(self):
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


def ticked(tree, most=20):
    """The statuses that a tree goes through."""
    tree.start()
    statuses = [tree.tick()]
    while statuses[-1] is Status.RUNNING and len(statuses) < most:
        statuses.append(tree.tick())
    return statuses


def test_a_sequence_begins_a_child_after_the_one_before_it():
    first, second = Scripted(Status.RUNNING, Status.SUCCESS), Scripted(Status.SUCCESS)
    assert ticked(example.Sequence(first, second)) == [Status.RUNNING] * 2 + [Status.SUCCESS]
    assert (first.started, second.started) == (1, 1)


def test_a_sequence_ends_with_its_first_failure():
    failing, never = Scripted(Status.FAILURE), Scripted(Status.SUCCESS)
    tree = example.Sequence(Scripted(Status.SUCCESS), failing, never)
    assert ticked(tree)[-1] is Status.FAILURE
    assert tree.why == "it is scripted"
    assert never.started == 0


@pytest.mark.parametrize(("times", "end"), [(3, Status.SUCCESS), (2, Status.FAILURE)])
def test_a_child_is_tried_so_many_times(times, end):
    child = Scripted(Status.FAILURE, Status.FAILURE, Status.SUCCESS)
    assert ticked(example.Retry(times, child))[-1] is end
    assert child.started == times


def test_what_takes_too_long_fails_and_says_how_far_it_came():
    tree = example.Timeout(0.0, Scripted(Status.RUNNING))
    assert ticked(tree)[-1] is Status.FAILURE
    assert tree.why == "not done after 0 s: it is scripted"
    assert ticked(example.Timeout(60.0, Scripted(Status.SUCCESS))) == [Status.SUCCESS]
