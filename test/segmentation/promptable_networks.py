"""Tiny encoders and decoders in the layouts of the SAM family, real ONNX graphs.

Their masks are what is coloured like the prompt's first point; a second one, the whole image, is
promised to be better, as networks do.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def save_graph(path, nodes, inputs, outputs, constants):
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_sam2(folder):
    """A pair in the layout of SAM 2: a square picture, features by name, masks of 256 x 256."""
    pool = helper.make_node(
        "AveragePool", ["image"], ["image_embed"], kernel_shape=[4, 4], strides=[4, 4]
    )
    copy = helper.make_node("Identity", ["image_embed"], ["high_res_feats_0"])
    save_graph(
        folder / "encoder.onnx",
        [pool, copy],
        {"image": [1, 3, 1024, 1024]},
        {"high_res_feats_0": [1, 3, 256, 256], "image_embed": [1, 3, 256, 256]},
        {},
    )
    _write_decoder(folder / "decoder.onnx", "image_embed", ["high_res_feats_0"])
    return f"{folder / 'encoder.onnx'},{folder / 'decoder.onnx'}"


def write_sam(folder):
    """A pair in the layout of SAM: the picture's own shape, one feature map, masks of its size."""
    nodes = [
        helper.make_node("Transpose", ["input_image"], ["planes"], perm=[2, 0, 1]),
        helper.make_node("Unsqueeze", ["planes", "first"], ["batch"]),
        helper.make_node("Div", ["batch", "scale"], ["normalised"]),
        helper.make_node(
            "AveragePool", ["normalised"], ["features"], kernel_shape=[4, 4], strides=[4, 4]
        ),
    ]
    save_graph(
        folder / "encoder.onnx",
        nodes,
        {"input_image": ["height", "width", 3]},
        {"features": [1, 3, "h", "w"]},
        {"first": np.array([0], np.int64), "scale": np.float32(58.0)},
    )
    _write_decoder(folder / "decoder.onnx", "image_embeddings", [], original_size=True)
    return f"{folder / 'encoder.onnx'},{folder / 'decoder.onnx'}"


def _write_decoder(path, embedding, others, original_size=False):
    """Logits: 0.5 minus the distance in colour to the first point's; and 1 everywhere."""
    nodes = [
        # (1, P, 2) x, y in pixels -> (3, 2) row and column of the first point in each channel.
        helper.make_node("Gather", ["point_coords", "zero"], ["points"], axis=1),
        helper.make_node("Div", ["points", "stride"], ["cells"]),
        helper.make_node("Cast", ["cells"], ["place"], to=TensorProto.INT64),
        helper.make_node("Gather", ["place", "swap"], ["row_column"], axis=1),
        helper.make_node("Squeeze", [embedding, "first"], ["features"]),
        helper.make_node("Transpose", ["features"], ["pixels"], perm=[1, 2, 0]),
        helper.make_node("GatherND", ["pixels", "row_column"], ["colour"]),
        helper.make_node("Sub", ["pixels", "colour"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distance"]),
        helper.make_node("ReduceMax", ["distance"], ["farthest"], axes=[2], keepdims=0),
        helper.make_node("Sub", ["half", "farthest"], ["alike"]),
        helper.make_node("Unsqueeze", ["alike", "both"], ["small"]),
        helper.make_node("Mul", ["small", "none"], ["nothing"]),
        helper.make_node("Add", ["nothing", "half"], ["everything"]),
        helper.make_node("Concat", ["small", "everything"], ["low"], axis=1),
        helper.make_node("Identity", ["promises"], ["iou_predictions"]),
    ]
    if original_size:
        nodes += [
            helper.make_node("Cast", ["orig_im_size"], ["size"], to=TensorProto.INT64),
            helper.make_node("Concat", ["two", "size"], ["sizes"], axis=0),
            helper.make_node("Resize", ["low", "", "", "sizes"], ["masks"], mode="linear"),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["low"], ["masks"]))
    inputs = {name: [1, 3, "h", "w"] for name in (embedding, *others)}
    inputs |= {"point_coords": [1, "points", 2], "point_labels": [1, "points"]}
    inputs |= {"mask_input": [1, 1, 256, 256], "has_mask_input": [1]}
    inputs |= {"orig_im_size": [2]} if original_size else {}
    constants = {
        "zero": np.int64(0),
        "stride": np.float32(4.0),
        "swap": np.array([1, 0], np.int64),
        "first": np.array([0], np.int64),
        "both": np.array([0, 1], np.int64),
        "two": np.array([1, 2], np.int64),
        "half": np.float32(0.5),
        "none": np.float32(0.0),
        "promises": np.array([[0.8, 0.99]], np.float32),
    }
    outputs = {"masks": [1, 2, "h_out", "w_out"], "iou_predictions": [1, 2]}
    save_graph(path, nodes, inputs, outputs, constants)
