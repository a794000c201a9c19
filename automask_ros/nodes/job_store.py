"""The trainer's queue on disk: LIBRARY/jobs/ID.json, so that a restart takes up what was left."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from automask_ros.errors import AutomaskError
from automask_ros.library import files

QUEUED = "queued"
RUNNING = "running"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"

_NAME = re.compile(r"job-(\d{4,9})\.json")


@dataclass(frozen=True)
class Job:
    """One order to train; `message` says how it ended, `version` what it made."""

    id: str
    created_at: float
    state: str = QUEUED
    message: str = ""
    version: int | None = None

    @property
    def unfinished(self) -> bool:
        """Whether the job still has to run, or was running when its trainer died."""
        return self.state in (QUEUED, RUNNING)


class JobStore:
    """The jobs of one library, held by one trainer at a time.

    Raises AutomaskError when another trainer holds them.
    """

    def __init__(self, library_root: Path) -> None:
        self._directory = library_root / "jobs"
        files.make_directory(self._directory)
        self._lock = FileLock(self._directory / ".lock")
        try:
            self._lock.acquire(blocking=False)
        except Timeout as error:
            raise AutomaskError(
                f"another trainer works on {library_root}: stop it, or set another library"
            ) from error

    def close(self) -> None:
        """Let another trainer have the jobs."""
        self._lock.release()

    def jobs(self) -> list[Job]:
        """All jobs, in the order in which they were given."""
        numbered = sorted(
            (int(match.group(1)), path)
            for path in self._directory.iterdir()
            if (match := _NAME.fullmatch(path.name))
        )
        return [_job(files.read_json(path), path) for _, path in numbered]

    def unfinished(self) -> list[Job]:
        """The jobs that still have to run, oldest first."""
        return [job for job in self.jobs() if job.unfinished]

    def add(self) -> Job:
        """Queue a new job."""
        jobs = self.jobs()
        number = int(jobs[-1].id.rpartition("-")[2]) + 1 if jobs else 1
        return self._write(Job(id=f"job-{number:04d}", created_at=time.time()))

    def update(self, job: Job, **changes: Any) -> Job:
        """Write down what became of a job."""
        return self._write(replace(job, **changes))

    def _write(self, job: Job) -> Job:
        files.write_json(self._directory / f"{job.id}.json", asdict(job))
        return job


def _job(content: Any, path: Path) -> Job:
    known = {field.name for field in fields(Job)}
    if (
        not isinstance(content, dict)
        or not {"id", "created_at", "state"} <= content.keys() <= known
    ):
        raise AutomaskError(f"{path} is damaged: remove it, and call ~/train again")
    return Job(**content)
