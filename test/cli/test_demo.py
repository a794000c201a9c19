"""automask demo: its plan, its findings, how it ends, and a small run from end to end."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from drawn_scenes import ellipse_mask
from integration.drawn_objects import view
from library.bags import compressed, write_bag

from automask_ros.cli import demo_findings, demo_progress
from automask_ros.cli.demo_processes import DemoProcesses
from automask_ros.cli.main import main
from automask_ros.library.coco import encode_mask
from automask_ros.library.library import Library

FIRST_STAMP = 1000.0
SCENES = 3


def stamp(index):
    return FIRST_STAMP + index / 8


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Recordings of a drawn cup, and scenes of it with their truth, laid out as the package's."""
    root = tmp_path_factory.mktemp("sample")
    for name, seeds in (("teach_cup", range(10)), ("scenes", range(500, 500 + SCENES))):
        topic = "/camera/image/compressed"
        pictures = [compressed(view("cup", seed)[0], stamp(i)) for i, seed in enumerate(seeds)]
        write_bag(root / name, [(topic, picture) for picture in pictures])
    images, annotations = [], []
    for index in range(SCENES):
        mask = view("cup", 500 + index)[1]
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
        size = {"height": mask.shape[0], "width": mask.shape[1]}
        name = {"file_name": f"scenes_{index:04d}.jpg", "stamp_ns": round(stamp(index) * 1e9)}
        images.append({"id": index + 1, **name, **size})
        annotations.append(
            {
                "id": index + 1,
                "image_id": index + 1,
                "category_id": 1,
                "bbox": [int(value) for value in box],
                "area": int(mask.sum()),
                "iscrowd": 0,
                "segmentation": encode_mask(mask),
            }
        )
    truth = {"images": images, "annotations": annotations}
    truth["categories"] = [{"id": 1, "name": "cup"}]
    (root / "scenes.json").write_text(json.dumps(truth))
    return root


@pytest.fixture
def start(sample, tmp_path):
    """Starts the command as a process on the drawn sample; ends it after the test."""
    processes = []

    def run(*arguments):
        command = [sys.executable, "-m", "automask_ros.cli.main", "demo", "--labels", "cup"]
        command += ["--sample", str(sample), "--output", str(tmp_path / "demo"), *arguments]
        process = subprocess.Popen(
            command,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)


def left_over(folder):
    """Processes that were started with a path below `folder`."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if any(str(folder / "demo") in word for word in words):
                found.append(words)
    return found


def test_a_small_run_from_camera_to_table(start, tmp_path):
    process = start(
        *("--views", "10", "--iterations", "20", "--json", str(tmp_path / "figures.json")),
        *("--rate", "2"),
        *("--set", "trainer.min_ap50:=0.0", "--set", "trainer.image_size:=128"),
        *("--set", "capture.min_novelty:=0.0"),
    )
    output, errors = process.communicate(timeout=1800)
    assert process.returncode == 0, errors
    figures = json.loads((tmp_path / "figures.json").read_text())
    cup, everything = figures["objects"]
    assert list(cup) == ["label", "views", "accepted", "AP", "AP50", "seconds"]
    views = Library(tmp_path / "demo" / "library").views("cup")
    assert cup["label"] == "cup" and cup["views"] == len(views) >= 6
    assert cup["accepted"] == sum(view.trainable for view in views)
    assert 0 < cup["seconds"] < figures["seconds"]["total"]
    assert everything == cup | {"label": "all"}
    evaluation = figures["evaluation"]
    assert evaluation["per_label"]["cup"]["AP50"] == evaluation["AP50"] == cup["AP50"]
    assert evaluation["images"] == evaluation["instances"] == SCENES
    assert figures["scenes"] == {"shown": SCENES, "missing": 0}
    assert "views kept" in output and "3 test scenes, 0 without an answer" in output
    page = (tmp_path / "demo" / "report.html").read_text()
    assert "scenes_0002" in page and "Masks of cup" in page
    assert left_over(tmp_path) == []


def test_a_node_that_dies_is_named_with_its_last_words(start, tmp_path):
    process = start("--set", "detector.runtime:=abacus")
    _, errors = process.communicate(timeout=400)
    assert process.returncode == 2
    line = errors.strip().splitlines()[-1]
    assert line.startswith("automask: detector ended by itself (exit code 2): automask: parameter")
    assert "abacus" in line and str(tmp_path / "demo" / "logs" / "detector.log") in line
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process(start, tmp_path, how):
    process = start()
    process.stdout.readline()
    until = time.monotonic() + 60
    while len(left_over(tmp_path)) < 6 and time.monotonic() < until:
        time.sleep(0.1)  # the demo itself, four nodes and the session
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("what", ["start", "stop"])
def test_a_signal_in_the_midst_of_starting_or_ending_leaves_no_process(tmp_path, monkeypatch, what):
    def interrupt(*_):
        raise KeyboardInterrupt

    begin, wait = subprocess.Popen.__init__, subprocess.Popen.wait

    def signalled(work):
        def then(*arguments, **options):
            result = work(*arguments, **options)
            signal.raise_signal(signal.SIGTERM)
            return result

        return then

    before = signal.signal(signal.SIGTERM, interrupt)
    folder = tmp_path / "demo"
    folder.mkdir()
    try:
        with pytest.raises(KeyboardInterrupt), DemoProcesses(folder) as processes:
            if what == "start":
                monkeypatch.setattr(subprocess.Popen, "__init__", signalled(begin))
            for name in ("one", "another"):
                library = ["--ros-args", "-p", f"library:={folder / name}"]
                processes.start(name, "capture_node", library)
            monkeypatch.setattr(subprocess.Popen, "wait", signalled(wait))
    finally:
        signal.signal(signal.SIGTERM, before)
    time.sleep(0.5)  # a process has no command line for a moment
    assert left_over(tmp_path) == []


def complaint(capfd, *arguments):
    """The one line that a run with bad input ends with."""
    assert main(["demo", *map(str, arguments)]) == 2
    lines = capfd.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_folder_that_the_demo_did_not_make_stays(tmp_path, capfd, sample):
    (tmp_path / "thesis.txt").write_text("years of work")
    line = complaint(capfd, "--output", tmp_path, "--sample", sample, "--labels", "cup")
    assert line == (
        f"automask: {tmp_path} was not made by the demo and is not empty: choose another --output"
    )
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_library_that_knows_the_objects_is_not_mixed_up(tmp_path, capfd, sample):
    library = Library(tmp_path / "library", create=True)
    library.add_view("cup", view("cup", 0)[0], captured_at=1.0, source="test")
    line = complaint(
        capfd,
        *("--output", tmp_path / "demo", "--library", tmp_path / "library"),
        *("--sample", sample, "--labels", "cup"),
    )
    assert line.endswith("has views of cup already: give --library a new folder")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--labels", "cup,../x"], "label '../x' is not usable"),
        (["--labels", "cup,saucer"], "teach_saucer"),
        (["--set", "trainer=3"], "--set trainer=3: write NODE.NAME:=VALUE"),
        (["--set", "butler.age:=3"], "NODE one of capture, mask_generator, trainer, detector"),
        (["--views", "0"], "0 is not in the range"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capfd, sample, arguments, words):
    line = complaint(capfd, "--output", tmp_path / "demo", "--sample", sample, *arguments)
    assert words in line
    assert not (tmp_path / "demo").exists()


def test_a_missing_sample_is_one_line(tmp_path, capfd):
    line = complaint(capfd, "--output", tmp_path / "demo", "--sample", tmp_path / "nowhere")
    missing = tmp_path / "nowhere" / "scenes.json"
    assert line == f"automask: {missing} does not exist; check the path"


def test_the_table_ends_with_all():
    objects = [
        {"label": "cup", "views": 30, "accepted": 28, "seconds": 60.0, "promoted": True},
        {"label": "can", "views": 20, "accepted": 9, "seconds": None, "promoted": False},
    ]
    per_label = {"cup": {"AP": 0.5, "AP50": 0.9}, "can": {"AP": 0.1, "AP50": 0.3}}
    rows = demo_findings.table_rows(objects, {"AP": 0.3, "AP50": 0.6, "per_label": per_label})
    assert [list(row.values()) for row in rows] == [
        ["cup", 30, 28, 0.5, 0.9, 60.0],
        ["can", 20, 9, 0.1, 0.3, None],
        ["all", 50, 37, 0.3, 0.6, 60.0],
    ]
    assert list(rows[0]) == list(demo_findings.COLUMNS)


def test_results_become_detections_in_their_scenes(sample):
    truth = json.loads((sample / "scenes.json").read_text())
    near, far = ellipse_mask((240, 320), (100, 90), (30, 20)), np.zeros((240, 320), bool)
    far[200:210, 300:] = True
    results = [
        {"score": 0.25, "bbox": [300, 200, 20, 10], "segmentation": encode_mask(far)},
        {"score": 0.75, "bbox": [70, 70, 61, 41], "segmentation": encode_mask(near)},
    ]
    results = [{"image_id": 2, "category_id": 1, **result} for result in results]
    results.append({**results[0], "score": 0.125})
    scenes = list(demo_findings.examples(sample / "scenes", truth, results, {"cup": 0.2}))
    assert [name for name, _, _ in scenes] == ["scenes_0000", "scenes_0001", "scenes_0002"]
    assert [len(found) for _, _, found in scenes] == [0, 2, 0]
    found = scenes[1][2]
    assert found.scores.tolist() == [0.75, 0.25] and found.labels == ("cup", "cup")
    assert found.boxes.tolist() == [[70, 70, 131, 111], [300, 200, 320, 210]]
    assert (found.mask(0) == near).all() and (found.mask(1) == far).all()


def test_progress_counts_stages_before_it_as_done(capsys):
    steps = demo_progress.session_steps({"cup": 60, "can": 30}, views=40, iterations=200, scenes=66)
    assert steps == {
        ("cup", "capture"): 60,
        ("cup", "masks"): 40,
        ("cup", "train"): 200,
        ("can", "capture"): 30,
        ("can", "masks"): 30,
        ("can", "train"): 200,
        ("", "scenes"): 66,
    }
    with demo_progress.DemoProgress(steps) as progress:
        assert 300 < progress.expected < 600
        progress.update("cup", "train", 100, 200)
        progress.update("cup", "train", 101, 200)
        progress.update("", "scenes", 66, 66)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        "training for cup 100/200",
        "test scenes 66/66",
    ]
    assert lines[1].endswith("about 0 min left")
