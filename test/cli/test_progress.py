"""What is shown on terminals: bars, and lines that are whole beside them."""

import fcntl
import io
import logging
import os
import pty
import struct
import subprocess
import sys
import termios
from contextlib import contextmanager, redirect_stderr

import pytest

from automask_ros.cli.progress import ProgressDisplay
from automask_ros.types import Progress

SCRIPT = """
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.types import Progress
with ProgressDisplay() as display:
    for step in range(1, 4):
        display(Progress("masks", step, 3))
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """As they stay on the screen: what follows the last return to a line's start."""
        return [line.rpartition("\r")[2] for line in self.getvalue().split("\n")]


@contextmanager
def terminal():
    """A terminal in place of stderr, to which the log goes as well."""
    shown = Terminal()
    with redirect_stderr(shown):
        handler = logging.StreamHandler()
        logging.getLogger().addHandler(handler)
        try:
            yield shown
        finally:
            logging.getLogger().removeHandler(handler)


def test_a_warning_has_a_line_of_its_own():
    log = logging.getLogger("automask_ros")
    with terminal() as shown:
        with ProgressDisplay() as progress:
            progress(Progress("masks", 1, 3))
            log.warning("the mask a.png is damaged")
            progress(Progress("masks", 2, 3))
        log.warning("afterwards")
    assert "masks:" in shown.getvalue(), "there was no bar"
    assert shown.lines() == ["the mask a.png is damaged", "afterwards", ""]


def test_a_line_on_stdout_waits_until_the_bar_is_gone(capsys):
    with terminal() as shown, ProgressDisplay() as progress:
        progress(Progress("masks", 1, 3))
        progress.say("3 masks made anew")
        assert shown.lines()[-1].strip() == ""
    assert capsys.readouterr().out == "3 masks made anew\n"


def shown_on_a_terminal(columns: int) -> str:
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    subprocess.run([sys.executable, "-c", SCRIPT], stderr=terminal, check=True, timeout=60)
    os.close(terminal)
    shown = b""
    try:
        while data := os.read(main, 4096):
            shown += data
    except OSError:  # Linux says so at the end of a terminal
        pass
    os.close(main)
    return shown.decode()


@pytest.mark.parametrize(("columns", "words"), [(80, "masks:"), (0, "masks 3/3")])
def test_progress_is_seen(columns: int, words: str) -> None:
    assert words in shown_on_a_terminal(columns)
