"""The checksum of a record: what it tells, and the one bit that it finds."""

import json

import pytest

from automask_ros.library.seals import Seal, seal_of, unflipped, write_sealed


@pytest.fixture
def path(tmp_path):
    write_sealed(tmp_path / "a.json", {"a": [1.5, "mug", None], "b": {"c": "ü"}, "checksum": "x"})
    return tmp_path / "a.json"


def test_what_is_written_is_plain_json(path):
    content = json.loads(path.read_bytes())
    assert {name: content[name] for name in "ab"} == {"a": [1.5, "mug", None], "b": {"c": "ü"}}
    assert len(content["checksum"]) == 64
    assert seal_of(path.read_bytes()) is Seal.WHOLE
    with pytest.raises(ValueError, match="JSON"):
        write_sealed(path, {"a": float("nan")})


def test_every_single_bit_is_noticed_and_put_right(path):
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            data = whole[:place] + bytes((whole[place] ^ 1 << bit,)) + whole[place + 1 :]
            assert seal_of(data) is Seal.BROKEN
            assert unflipped(data) == whole


def test_more_than_one_bit_is_noticed_and_left(path):
    whole = path.read_bytes()
    for data in (
        whole.replace(b"mug", b"cup"),
        whole.replace(b"checksum", b"checkmus"),
        whole[:-2],
    ):
        assert seal_of(data) is Seal.BROKEN or b'"checksum"' not in data
        assert unflipped(data) is None


def test_a_record_without_checksum_is_a_persons(path):
    lines = path.read_text().splitlines()
    assert seal_of("\n".join([*lines[:-2], "}"]).encode()) is Seal.NONE
    assert seal_of(b"") is Seal.NONE
