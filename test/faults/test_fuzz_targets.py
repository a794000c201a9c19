"""What a fuzzer feeds its targets: here the good seeds and random damage, atheris with --soak."""

import importlib.util
import random
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parent.parent.parent / "tools" / "fuzz"
sys.path.insert(0, str(FUZZ))
run = importlib.import_module("run")

#: Target -> random inputs; the slow ones read files.
TIMES = {
    "coco": 500,
    "image_file": 3000,
    "image_message": 300,
    "library": 200,
    "recording": 60,
    "serialized_messages": 3000,
}
SOAK_SECONDS = 180


def mutated(lot, data):
    """Some bytes of `data` changed, taken out, doubled, or cut off at the end."""
    changed = bytearray(data)
    for _ in range(lot.randint(1, 4)):
        at = lot.randrange(len(changed) + 1)
        how = lot.randrange(5)
        if how == 0:
            del changed[at:]
        elif how == 1:
            del changed[at : at + lot.randint(1, 8)]
        elif how == 2:
            changed[at:at] = changed[at : at + lot.randint(1, 40)]
        elif how == 3:
            changed[at : at + 4] = lot.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
        elif at < len(changed):
            changed[at] = lot.randrange(256)
    return bytes(changed)


def test_every_target_is_run():
    assert list(TIMES) == run.TARGETS


@pytest.mark.parametrize("name", TIMES)
def test_seeds_are_taken_and_damage_is_an_error_of_ours_at_most(name, soak, tmp_path):
    target = importlib.import_module(f"targets.{name}")
    seeds = target.seeds()
    assert all(map(target.check, seeds)), "what is good is read as such"
    lot = random.Random(0)
    taken = sum(target.check(mutated(lot, lot.choice(seeds))) for _ in range(TIMES[name]))
    assert 0 < taken < TIMES[name]
    target.check(b"")
    if soak:
        look_for_new_ways(name, tmp_path)


def look_for_new_ways(name, corpus):
    """Let atheris choose the inputs, by what they reach in the code."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install -r tools/fuzz/requirements.txt")
    command = [sys.executable, FUZZ / "run.py", name, "--seconds", str(SOAK_SECONDS)]
    done = subprocess.run(
        [*command, "--corpus", corpus], capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Done " in done.stderr
