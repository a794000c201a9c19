"""The queue of jobs on disk."""

import json
import os

import pytest

from automask_ros.errors import AutomaskError
from automask_ros.nodes.job_store import DONE, RUNNING, JobStore


def test_jobs_are_numbered_and_unfinished_ones_are_found_again(tmp_path):
    store = JobStore(tmp_path)
    first, second, third = (store.add() for _ in range(3))
    assert [job.id for job in store.jobs()] == ["job-0001", "job-0002", "job-0003"]
    store.update(first, state=DONE, message="good", version=1)
    store.update(second, state=RUNNING)
    store.close()

    store = JobStore(tmp_path)
    assert [job.id for job in store.unfinished()] == [second.id, third.id]
    assert store.jobs()[0].version == 1 and store.jobs()[0].message == "good"
    assert store.add().id == "job-0004"
    store.close()


def test_one_trainer_at_a_time(tmp_path):
    store = JobStore(tmp_path)
    with pytest.raises(AutomaskError, match="another trainer works on"):
        JobStore(tmp_path)
    store.close()
    JobStore(tmp_path).close()


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{}",
        '{"id": "x"}',
        "not json",
        # Found by fuzzing: these came as far as the trainer's own file.
        '{"id": 1, "created_at": 1.0, "state": "queued"}',
        '{"id": "job-0001", "created_at": NaN, "state": "queued"}',
        '{"id": "job-0001", "created_at": 1.0, "state": "x"}',
        '{"id": "job-0001", "created_at": 1.0, "state": "queued", "message": "\\ud800"}',
        '{"id": "job-0001", "created_at": 1.0, "state": "queued", "version": []}',
    ],
)
def test_a_damaged_job_is_named_and_left_out(tmp_path, content, caplog):
    store = JobStore(tmp_path)
    store.add(), store.add()
    (tmp_path / "jobs" / "job-0001.json").write_text(content)
    assert [job.id for job in store.jobs()] == ["job-0002"]
    assert "job-0001.json is damaged" in caplog.text
    assert store.add().id == "job-0003"
    (tmp_path / "jobs" / "job-0003.json").write_text(content)
    assert store.add().id == "job-0004"
    store.close()


def test_a_job_file_holds_what_a_person_wants_to_know(tmp_path):
    store = JobStore(tmp_path)
    store.add()
    content = json.loads((tmp_path / "jobs" / "job-0001.json").read_text())
    assert content["state"] == "queued" and content["created_at"] > 1.6e9
    store.close()


def test_what_a_killed_trainer_left_is_removed(tmp_path):
    JobStore(tmp_path).close()
    left = tmp_path / "jobs" / ".job-0001.json.1-2.tmp"
    left.touch()
    os.utime(left, (1.0, 1.0))
    JobStore(tmp_path).close()
    assert not left.exists()


def test_a_job_goes_by_the_name_of_its_file(tmp_path):
    """Found by fuzzing: what became of it was written to where its id says."""
    store = JobStore(tmp_path)
    store.add()
    path = tmp_path / "jobs" / "job-0001.json"
    path.write_text('{"id": "../../x", "created_at": 1.0, "state": "queued"}')
    (job,) = store.jobs()
    assert job.id == "job-0001"
    store.close()


def test_the_end_of_a_job_is_written_once_the_disk_takes_it(tmp_path):
    store = JobStore(tmp_path)
    job = store.add()
    away = tmp_path / "elsewhere"
    (tmp_path / "jobs").rename(away)
    assert store.update(job, state=DONE, version=3).version == 3
    assert store.trouble.endswith("its folder is gone; mount its disk or put the folder back")
    away.rename(tmp_path / "jobs")
    assert store.unfinished() == [job]
    store.write_down()
    assert store.trouble == "" and store.jobs()[0].version == 3
    store.close()
