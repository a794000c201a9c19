"""A small library with something of everything, for tests of its files."""

import json

import numpy as np
from safetensors.numpy import save

from automask_ros.library.library import Library
from automask_ros.nodes.job_store import DONE, JobStore
from automask_ros.types import Mask, Verdict

SIZE = (36, 48)


def picture(seed, size=SIZE):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def mask_pixels(seed, size=SIZE):
    pixels = np.zeros(size, bool)
    pixels[4 + seed : 24, 8 : 30 + seed] = True
    return pixels


def fill(root, models=2):
    """Two objects of four views, a vetoed one, one drawn by a person, `models` versions, two
    jobs."""
    library = Library(root, create=True)
    for number, label in enumerate(("can", "mug")):
        for place in range(4):
            seed = 4 * number + place
            view = library.add_view(
                label,
                picture(seed),
                captured_at=100.5 + seed,
                source="/camera/image",
                camera={"k": [500.25, 0.0, 24.0], "frame_id": "camera"},
                view_id=f"view_{place}",
            )
            library.write_mask(
                view, Mask(mask_pixels(seed), Verdict(True, 0.875, ("sharp",))), fcn="lite"
            )
    library.set_vetoed(library.view("mug", "view_3"), True)
    library.write_drawn_mask(library.view("can", "view_3"), mask_pixels(9))
    for seed in range(models):
        store_small_model(library, seed)
    jobs = JobStore(root)
    jobs.update(jobs.add(), state=DONE, message="good", version=1)
    jobs.add()
    jobs.close()
    return library


def store_small_model(library, seed):
    """A promoted version with small files of each kind; its number."""
    labels = library.models.class_ids(["can", "mug"])
    random = np.random.default_rng(seed)
    with library.models.stage() as staged:
        for name in ("model", "measured"):
            weights = random.random((20, 20), np.float32)
            (staged / f"{name}.safetensors").write_bytes(save({"weights": weights}))
        (staged / "model.onnx").write_bytes(random.bytes(3000))
        (staged / "metrics.json").write_text(json.dumps({"evaluation": {"AP": seed / 8}}))
        (staged / "report.html").write_text(f"<html>{seed}</html>")
        version = library.models.commit(
            staged,
            {
                "architecture": "lite",
                "labels": labels,
                "base_model": "lite",
                "image_size": 160,
                "thresholds": dict.fromkeys(labels, 0.5),
                "seed": seed,
                "created_at": 1.5,
            },
        )
    library.models.promote(version, f"better by {seed}")
    return version
