"""Versions of a model without a training: the embedded weights, which find any thing."""

from automask_ros.detection.base_models import WEIGHTS_FILE, load_base_model, save_checkpoint
from automask_ros.detection.export import export_onnx
from automask_ros.detection.prediction import ONNX_FILE


def store_model(library, example, label="cup", image_size=160, promoted=True):
    """A version that calls everything `label`; its number. `example` is a picture."""
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
        export_onnx(model.eval(), staged / ONNX_FILE, example)
        version = library.models.commit(staged, record)
    if promoted:
        library.models.promote(version, "for a test")
    return version
