"""What a process holds, looked at again and again: memory, file handles, threads."""

import statistics
from pathlib import Path


class Vitals:
    """Samples of processes' resident memory (MB), open files and threads, by name."""

    def __init__(self, processes):
        """`processes`: name -> pid."""
        self._processes = dict(processes)
        self.samples = {name: [] for name in processes}

    def look(self):
        """Take one sample of each process."""
        for name, pid in self._processes.items():
            folder = Path(f"/proc/{pid}")
            status = dict(
                line.split(":\t", 1) for line in (folder / "status").read_text().splitlines()
            )
            self.samples[name].append(
                {
                    "memory": int(status["VmRSS"].split()[0]) / 1024,
                    "files": len(list((folder / "fd").iterdir())),
                    "threads": int(status["Threads"]),
                }
            )

    def between(self, name, kind, first, last):
        """The median of a kind over part of the samples: `first` and `last` are shares of them."""
        samples = self.samples[name]
        part = samples[int(first * len(samples)) : max(int(last * len(samples)), 1)]
        return statistics.median(sample[kind] for sample in part)
