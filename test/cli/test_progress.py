"""Progress on terminals of any width."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

SCRIPT = """
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.types import Progress
with ProgressDisplay() as display:
    for step in range(1, 4):
        display(Progress("masks", step, 3))
"""


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
