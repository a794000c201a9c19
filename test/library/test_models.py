import json
import os
import subprocess
import sys

import pytest

from automask_ros.errors import AutomaskError
from automask_ros.library.models import ModelStore
from automask_ros.library.records import ModelRecord


@pytest.fixture
def store(tmp_path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def record(**labels) -> ModelRecord:
    return ModelRecord(
        architecture="mask_rcnn",
        labels=labels,
        base_model="lite",
        image_size=320,
        thresholds=dict.fromkeys(labels, 0.5),
        seed=0,
        created_at=1.0,
        note="kept",
    )


def commit(store, **labels) -> int:
    with store.stage() as staged:
        (staged / "weights.safetensors").write_bytes(b"weights")
        return store.commit(staged, record(**labels))


def test_an_empty_store(store):
    assert store.versions() == []
    assert store.current() is None
    assert store.database_version() == 0
    with pytest.raises(AutomaskError, match="there is no model version 1 .*train one first"):
        store.directory(1)
    with pytest.raises(AutomaskError, match="no earlier promoted model"):
        commit(store)
        store.rollback()


def test_versions_are_numbered_and_keep_their_files(store):
    assert commit(store, mug=1) == 1
    assert commit(store, mug=1, can=2) == 2
    assert store.versions() == [1, 2]
    assert (store.directory(2) / "weights.safetensors").read_bytes() == b"weights"
    assert store.record(2).version == 2
    assert store.record(2).labels == {"mug": 1, "can": 2}
    assert store.record(2).model_extra["note"] == "kept"
    assert sorted(path.name for path in store.root.iterdir() if path.name[0] != ".") == ["1", "2"]


def test_what_is_not_committed_is_gone(store):
    with pytest.raises(RuntimeError), store.stage() as staged:
        (staged / "half").write_bytes(b"x")
        raise RuntimeError
    assert store.versions() == []
    assert list(store.root.glob(".staging*")) == []


def test_a_dead_makers_folder_is_removed_and_a_living_ones_is_not(store):
    script = (
        "import os, sys; from automask_ros.library.models import ModelStore;"
        "from pathlib import Path;"
        "stage = ModelStore(Path(sys.argv[1])).stage(); stage.__enter__(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(store.root)], check=False)
    (abandoned,) = [path for path in store.root.glob(".staging*") if path.is_dir()]
    with store.stage() as living:
        assert not abandoned.exists()
        with store.stage():
            assert living.is_dir()
    assert list(store.root.glob(".staging*")) == []


def test_promotion_moves_the_link_and_counts(store):
    commit(store, mug=1)
    commit(store, mug=1)
    assert store.promote(1, "first") == 1
    assert store.promote(2, "better") == 2
    assert store.current() == 2
    assert os.readlink(store.root / "current") == "2"
    assert [(entry.version, entry.reason) for entry in store.promotions()] == [
        (1, "first"),
        (2, "better"),
    ]
    with pytest.raises(AutomaskError, match="no model version 3"):
        store.promote(3, "missing")
    assert store.database_version() == 2


def test_rollback_goes_back_step_by_step_and_each_counts(store):
    for version in (1, 2, 3):
        commit(store, mug=1)
        store.promote(version, "new")
    assert store.rollback() == 2
    assert store.rollback() == 1
    with pytest.raises(AutomaskError, match="no earlier promoted model"):
        store.rollback()
    assert (store.current(), store.database_version()) == (1, 5)
    store.promote(3, "again")
    assert store.rollback() == 1


def test_a_lost_or_wrong_link_is_mended(store):
    commit(store, mug=1)
    commit(store, mug=1)
    store.promote(2, "new")
    link = store.root / "current"
    link.unlink()
    link.symlink_to("1")
    assert ModelStore(store.root).current() == 2
    assert os.readlink(link) == "2"
    link.unlink()
    ModelStore(store.root)
    assert os.readlink(link) == "2"


def test_a_version_removed_by_hand_is_neither_current_nor_numbered_again(store):
    for version in (1, 2):
        commit(store, mug=1)
        store.promote(version, "new")
    for path in store.directory(2).iterdir():
        path.unlink()
    (store.root / "2").rmdir()
    assert store.current() == 1
    assert commit(store, mug=1) == 3


def test_class_ids_never_change_their_meaning(store):
    assert store.class_ids(["mug", "can"]) == {"can": 1, "mug": 2}
    assert store.class_ids(["bottle"]) == {"bottle": 3}
    assert store.class_ids(["bottle", "apple", "mug"]) == {"apple": 4, "bottle": 3, "mug": 2}
    commit(store, **store.class_ids(["mug", "apple"]))
    (store.root / "labels.json").unlink()
    assert ModelStore(store.root).class_ids(["mug", "pear"]) == {"mug": 2, "pear": 5}
    with pytest.raises(AutomaskError, match="label"):
        store.class_ids(["../x"])


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[1]",
        '[{"version": 0}]',
        "[",
        # Found by fuzzing: no file system has a folder of such a name.
        '[{"version": 1%s, "at": 1.0, "reason": ""}]' % ("0" * 300),
    ],
)
def test_damaged_promotions_are_named_and_the_link_says_what_is_live(store, content, caplog):
    commit(store, mug=1)
    commit(store, mug=1)
    store.promote(2, "better")
    (store.root / "promotions.json").write_text(content)
    with pytest.raises(AutomaskError, match="promotions.json is damaged"):
        store.promotions()
    store = ModelStore(store.root)
    assert "promotions.json is damaged" in caplog.text
    assert "promotions.json is damaged" in store.problem()
    assert (store.current(), store.database_version()) == (2, 1)
    assert store.promote(1, "next") == 2
    assert [(entry.version, entry.at > 1e9) for entry in store.promotions()] == [(2, 1), (1, 1)]
    (aside,) = (store.root.parent / "damaged").glob("*/models/promotions.json")
    assert aside.read_text() == content
    assert store.rollback() == 2
    assert store.problem() is None


def test_of_damaged_promotions_what_can_be_read_counts(store):
    for version in (1, 2, 3):
        commit(store, mug=1)
        store.promote(version, f"better than {version - 1}")
    path = store.root / "promotions.json"
    path.write_bytes(path.read_bytes().replace(b'"version": 2', b'"version": -', 1))
    store = ModelStore(store.root)
    assert (store.current(), store.database_version()) == (3, 2)
    store.mend_promotions()
    assert [(e.version, e.reason) for e in store.promotions()] == [
        (1, "better than 0"),
        (3, "better than 2"),
    ]
    assert store.rollback() == 1


def test_without_a_link_damaged_promotions_leave_nothing_live(store, caplog):
    commit(store, mug=1)
    (store.root / "promotions.json").write_text("[")
    assert store.current() is None
    assert "no link says which model was live" in caplog.text
    assert commit(store, mug=1) == 2


@pytest.mark.parametrize("damage", ["weights", "record", "missing"])
def test_a_damaged_version_is_not_current(store, damage, caplog):
    for version in (1, 2, 3):
        commit(store, mug=1)
        store.promote(version, "new")
    directory = store.directory(2)
    if damage == "weights":
        (directory / "weights.safetensors").write_bytes(b"weighty")
    elif damage == "record":
        (directory / "model.json").write_text("{")
    else:
        (directory / "weights.safetensors").unlink()
    store = ModelStore(store.root)
    assert store.current() == 3
    assert store.problem() is None
    assert store.rollback() == 1  # over the damaged one
    assert store.current() == 1
    store.promote(3, "again")
    (store.directory(3) / "weights.safetensors").write_bytes(b"other")
    assert store.current() == 1
    assert os.readlink(ModelStore(store.root).root / "current") == "1"
    assert "model version 3 is left out: weights.safetensors is not the file" in caplog.text
    assert store.problem().startswith("model version 3 is damaged (weights.safetensors is not the ")
    assert "version 1 is live instead" in store.problem()
    store.leave(3)
    assert store.problem() is None
    assert store.promotions()[-1].reason == "version 3 was damaged"


def test_damaged_labels_are_taken_from_the_models(store, caplog):
    commit(store, **store.class_ids(["mug", "can"]))
    path = store.root / "labels.json"
    path.write_text(path.read_text()[:20])
    assert store.class_ids(["mug", "pear"]) == {"mug": 2, "pear": 3}
    assert "labels.json is damaged" in caplog.text
    (store.directory(1) / "model.json").write_text("")
    assert store.class_ids(["mug", "fig"]) == {"mug": 2, "fig": 4}
    path.write_text("")
    with pytest.raises(AutomaskError, match="model.json is damaged"):
        store.class_ids(["mug"])


def test_a_damaged_model_json_is_named(store):
    commit(store, mug=1)
    path = store.directory(1) / "model.json"
    good = json.loads(path.read_text())
    # Tables are made as long as the largest id: of a huge one there is not enough memory.
    for class_id in ("one", 0, -1, 65536, 10**12):
        path.write_text(json.dumps({**good, "labels": {"mug": class_id}}))
        with pytest.raises(AutomaskError, match=r"model\.json is damaged: labels\.mug"):
            store.record(1)
