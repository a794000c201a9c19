"""Versions of a model without a training: the embedded weights, which find any thing."""

from automask_ros.detection.base_models import WEIGHTS_FILE, load_base_model, save_checkpoint
from automask_ros.detection.export import export_onnx
from automask_ros.detection.prediction import ONNX_FILE
from automask_ros.library.records import write_record
from automask_ros.library.version_files import RECORD_FILE, version_digests


def store_model(library, example, label="cup", image_size=160, promoted=True):
    """A version that calls everything `label`; its number. `example` is a picture; without one the
    version has no graph, which takes many seconds to make."""
    labels = library.models.class_ids([label])
    model, architecture = load_base_model("lite", labels, image_size)
    record = {
        "architecture": architecture,
        "labels": labels,
        "base_model": "lite",
        "image_size": image_size,
        "thresholds": {label: 0.5},
        "seed": 0,
        "created_at": 1.0,
    }
    with library.models.stage() as staged:
        save_checkpoint(
            model,
            staged / WEIGHTS_FILE,
            architecture=architecture,
            labels=labels,
            image_size=image_size,
        )
        if example is not None:
            export_onnx(model.eval(), staged / ONNX_FILE, example)
        version = library.models.commit(staged, record)
    if promoted:
        library.models.promote(version, "for a test")
    return version


def keep_as_committed(library, version):
    """Let the files of a version, whatever became of them, be those that were committed."""
    folder = library.models.directory(version)
    record = library.models.record(version)
    changed = record.model_copy(update={"files": version_digests(folder)})
    write_record(folder / RECORD_FILE, changed)
