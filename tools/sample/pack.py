"""Turns rendered frames into the sample: four recordings and their ground truth.

    python tools/sample/pack.py --frames FRAMES --out sample [--megabytes 10.8]

Takes the frames that render.py has finished; the JPEG quality is the highest (at most 92)
at which all fits.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import plans  # noqa: E402
from bag import stamps, write_bag  # noqa: E402
from camera import expose  # noqa: E402
from ground_truth import coco_set  # noqa: E402

FIRST_SECOND = 1_795_000_000
QUALITIES = range(92, 60, -1)


def finished(folder: Path) -> list[int]:
    """Indices of the frames whose picture, index map and instances are all there."""
    return sorted(int(path.stem) for path in folder.glob("[0-9][0-9][0-9][0-9].json"))


def camera_picture(folder: Path, sequence: str, index: int) -> np.ndarray:
    """(H, W, 3) uint8 BGR as the camera delivers it."""
    linear = cv2.imread(str(folder / f"{index:04d}.exr"), cv2.IMREAD_UNCHANGED)[..., :3][..., ::-1]
    if sequence == "scenes":
        exposure = plans.scene_exposure(*divmod(index, plans.VIEWS))
    else:
        exposure = plans.teaching_frame(sequence.removeprefix("teach_"), index).exposure
    seed = [plans.SEED, 9, plans.SEQUENCES.index(sequence), index]
    return expose(linear, exposure, np.random.default_rng(seed))


def encode(picture: np.ndarray, quality: int) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def best_quality(pictures: list[np.ndarray], budget: int) -> int:
    """The highest quality at which all fit into `budget` bytes, judged by every eighth."""
    some = pictures[::8]
    for quality in QUALITIES:
        size = sum(len(encode(picture, quality)) for picture in some) * len(pictures) / len(some)
        if size <= budget:
            return quality
    raise ValueError(f"{len(pictures)} pictures do not fit into {budget} bytes")


def pack(frames: Path, out: Path, budget: int) -> str:
    # Looked up once: a render that still runs may add frames meanwhile.
    indices = {sequence: finished(frames / sequence) for sequence in plans.SEQUENCES}
    pictures = {
        sequence: [camera_picture(frames / sequence, sequence, index) for index in numbers]
        for sequence, numbers in indices.items()
    }
    quality = best_quality([p for group in pictures.values() for p in group], budget)
    out.mkdir(parents=True, exist_ok=True)
    for number, sequence in enumerate(plans.SEQUENCES):
        folder = frames / sequence
        times = stamps(FIRST_SECOND + 600 * number, len(pictures[sequence]))
        write_bag(out / sequence, [encode(p, quality) for p in pictures[sequence]], times)
        entries = []
        for position, (index, time) in enumerate(zip(indices[sequence], times, strict=True)):
            instances = json.loads((folder / f"{index:04d}.json").read_text())
            index_map = cv2.imread(str(folder / f"{index:04d}.png"), cv2.IMREAD_UNCHANGED)
            entries.append((position, time, instances, index_map))
        truth = json.dumps(coco_set(sequence, entries), separators=(",", ":"))
        (out / f"{sequence}.json").write_text(truth + "\n")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    counts = ", ".join(f"{name} {len(group)}" for name, group in pictures.items())
    return f"{counts}; JPEG quality {quality}; {size / 1e6:.2f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--megabytes", type=float, default=10.8)
    given = parser.parse_args()
    print(pack(given.frames, given.out, int(given.megabytes * 1e6)))


if __name__ == "__main__":
    main()
