"""The queue of jobs on disk."""

import json

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


@pytest.mark.parametrize("content", ["[]", "{}", '{"id": "x"}', "not json"])
def test_a_damaged_job_is_named(tmp_path, content):
    store = JobStore(tmp_path)
    (tmp_path / "jobs" / "job-0001.json").write_text(content)
    with pytest.raises(AutomaskError, match="job-0001.json"):
        store.jobs()
    store.close()


def test_a_job_file_holds_what_a_person_wants_to_know(tmp_path):
    store = JobStore(tmp_path)
    store.add()
    content = json.loads((tmp_path / "jobs" / "job-0001.json").read_text())
    assert content["state"] == "queued" and content["created_at"] > 1.6e9
    store.close()
