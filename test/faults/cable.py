"""A network between two machines that can be cut: a network namespace at the end of a cable.

Needs Linux, root, and the programs ip, unshare and nsenter.
"""

import os
import subprocess
import time

HERE, THERE = "10.219.7.1", "10.219.7.2"
_END, _OTHER_END = "automask0", "automask1"


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


class Cable:
    """A second machine's network, joined to this one's. OSError says why there can be none."""

    def __init__(self):
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        try:
            self._wait_for_its_own()
            _run("ip", "link", "add", _END, "type", "veth", "peer", "name", _OTHER_END)
            _run("ip", "link", "set", _OTHER_END, "netns", str(self._holder.pid))
            _run("ip", "addr", "add", f"{HERE}/24", "dev", _END)
            _run("ip", "link", "set", _END, "up")
            for command in (
                ("addr", "add", f"{THERE}/24", "dev", _OTHER_END),
                ("link", "set", _OTHER_END, "up"),
                ("link", "set", "lo", "up"),
                ("route", "add", "default", "dev", _OTHER_END),
            ):
                _run(*self.there("ip", *command))
        except OSError:
            self.close()
            raise

    def _wait_for_its_own(self):
        """Until the other machine has a network of its own: before, it would be given this one's.

        A process can have none, where this is not allowed: it ends at once.
        """
        ours = os.stat("/proc/self/ns/net").st_ino
        until = time.monotonic() + 60
        while os.stat(f"/proc/{self._holder.pid}/ns/net").st_ino == ours:
            if self._holder.poll() is not None:
                raise OSError("unshare --net is not allowed")
            assert time.monotonic() < until, "unshare --net takes too long"
            time.sleep(0.05)

    def there(self, *command):
        """A command as the other machine runs it."""
        return ["nsenter", "--target", str(self._holder.pid), "--net", *command]

    def cut(self):
        """From here on nothing gets through."""
        _run("ip", "link", "set", _END, "down")

    def mend(self):
        """All gets through again."""
        _run("ip", "link", "set", _END, "up")

    def close(self):
        """Take the cable away: the kernel does, with its other end."""
        self._holder.kill()
        self._holder.wait()
