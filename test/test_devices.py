"""A device is there, or one line says what to ask for."""

import pytest
import torch

from automask_ros.devices import gpu_number, pick_device
from automask_ros.errors import AutomaskError


@pytest.fixture()
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture()
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:", "cuda:-1", "cuda:01", "cuda0", "meta"])
def test_other_names_are_refused(two_gpus, name):
    line = f"no device is called '{name}': give auto, cpu, cuda or cuda:N"
    with pytest.raises(AutomaskError, match=line):
        pick_device(name)


@pytest.mark.parametrize(("name", "number"), [("cuda", 0), ("cuda:0", 0), ("cuda:1", 1)])
def test_a_gpu_that_is_there(two_gpus, name, number):
    assert pick_device(name) == name
    assert gpu_number(name) == number


def test_a_gpu_too_many(two_gpus):
    with pytest.raises(AutomaskError, match="cuda:2 was asked for, but torch finds only 2 GPU"):
        pick_device("cuda:2")


def test_no_gpu(no_gpu):
    line = "cuda was asked for, but torch finds no GPU: give cpu or auto"
    with pytest.raises(AutomaskError, match=line):
        pick_device("cuda")
    assert pick_device("auto") == pick_device("cpu") == "cpu"


def test_auto_is_the_gpu_where_there_is_one(two_gpus):
    assert pick_device("auto") == "cuda"
