"""Faults that are really made: few of each in the test suite, many with --soak (`make soak`)."""

import sys

import pytest
from integration.conftest import lasting_robot, robot

__all__ = ["lasting_robot", "robot"]


@pytest.fixture
def tell(capsys):
    """Says on the console what a test has measured, also where it passes."""

    def tell(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return tell
