"""The trainer's queue on disk: LIBRARY/jobs/ID.json, so that a restart takes up what was left."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Any, Final

from filelock import Timeout

from automask_ros.errors import AutomaskError, StorageError
from automask_ros.library import files
from automask_ros.library.aside import taken_from
from automask_ros.library.files import DamagedFile
from automask_ros.library.inside import check_folder, file_lock
from automask_ros.library.records import JobRecord, read_record, write_record

QUEUED: Final = "queued"
RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"

_NAME = re.compile(r"job-(\d{4,9})\.json")


_LOGGER = logging.getLogger(__name__)


class Job(JobRecord):
    """One order to train; `message` says how it ended, `version` what it made."""

    @property
    def unfinished(self) -> bool:
        """Whether the job still has to run, or was running when its trainer died."""
        return self.state in (QUEUED, RUNNING)


class JobStore:
    """The jobs of one library, held by one trainer at a time.

    Raises AutomaskError when another trainer holds them.

    `trouble` says why the end of a job is not written down yet; until it is, a trainer that is
    started anew takes that job up again.
    """

    def __init__(self, library_root: Path) -> None:
        self._directory = library_root / "jobs"
        self._unwritten: dict[str, Job] = {}
        self.trouble = ""
        check_folder(self._directory)
        files.make_directory(self._directory)
        self._lock = file_lock(self._directory / ".lock")
        with files.clear_write_errors(self._directory):
            try:
                self._lock.acquire(blocking=False)
            except Timeout as error:
                raise AutomaskError(
                    f"another trainer works on {library_root}: stop it, or set another library"
                ) from error
            files.remove_stale_temporaries(self._directory)

    def close(self) -> None:
        """Let another trainer have the jobs."""
        self._lock.release()

    def jobs(self) -> list[Job]:
        """All jobs, in the order in which they were given; the log tells which are damaged."""
        found = []
        for _, path in _numbered(self._directory):
            try:
                found.append(read_record(path, Job).model_copy(update={"id": path.stem}))
            except DamagedFile as error:
                _LOGGER.error("left out: %s; call ~/train again", error)
        return found

    def unfinished(self) -> list[Job]:
        """The jobs that still have to run, oldest first."""
        return [job for job in self.jobs() if job.unfinished]

    def add(self) -> Job:
        """Queue a new job; StorageError when it cannot be written."""
        # A number never names two jobs, not even where a damaged one was moved aside.
        aside = taken_from(self._directory.parent, self._directory.name)
        places = (self._directory, *(place for place in aside if place.is_dir()))
        numbers = [number for place in places for number, _ in _numbered(place)]
        number = max(numbers, default=0) + 1
        return self._write(Job(id=f"job-{number:04d}", created_at=time.time()))

    def update(self, job: Job, **changes: Any) -> Job:
        """Note what became of a job: now, or later when the disk does not take it."""
        job = self._unwritten[job.id] = job.model_copy(update=changes)
        self.write_down()
        return job

    def write_down(self) -> None:
        """Write what the disk did not take before."""
        try:
            for job in list(self._unwritten.values()):
                self._write(job)
                del self._unwritten[job.id]
            self.trouble = ""
        except StorageError as error:
            self.trouble = str(error)

    def _write(self, job: Job) -> Job:
        write_record(self._directory / f"{job.id}.json", job)
        return job


def _numbered(directory: Path) -> list[tuple[int, Path]]:
    with files.clear_read_errors(directory):
        return sorted(
            (int(match.group(1)), path)
            for path in directory.iterdir()
            if (match := _NAME.fullmatch(path.name))
        )
