"""Small ONNX graphs that load where a model's is expected, and then do something else."""

import onnx
from onnx import TensorProto, helper

INT64 = TensorProto.INT64
FEW = {"boxes": (0, 4), "scores": (0,), "class_ids": (0,), "masks": (0, 28, 28)}


def _model(nodes, inputs, outputs):
    graph = helper.make_graph(nodes, "test", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def write_another_graph(path):
    """A graph that is whole, but of another network."""
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in "xy")
    onnx.save(_model([helper.make_node("Identity", ["x"], ["y"])], [x], [y]), path)


def write_graph_for_one_size(path, height, width):
    """A graph that finds nothing in pictures of one size, and fails with any other."""
    size = helper.make_tensor("size", INT64, [1], [height * width * 3])
    nodes = [
        helper.make_node("Constant", [], ["size"], value=size),
        helper.make_node("Reshape", ["image", "size"], ["flat"]),
        helper.make_node("Cast", ["flat"], ["values"], to=TensorProto.FLOAT),
        helper.make_node(
            "Constant", [], ["none"], value=helper.make_tensor("none", INT64, [1], [0])
        ),
        helper.make_node("Slice", ["values", "none", "none"], ["scores"]),
    ]
    outputs = []
    for name, shape in FEW.items():
        kind = INT64 if name == "class_ids" else TensorProto.FLOAT
        if name != "scores":
            empty = helper.make_tensor(name, kind, shape, [])
            nodes.append(helper.make_node("Constant", [], [name], value=empty))
        outputs.append(helper.make_tensor_value_info(name, kind, shape))
    inputs = [
        helper.make_tensor_value_info("image", TensorProto.UINT8, ["height", "width", 3]),
        helper.make_tensor_value_info("minimum", TensorProto.FLOAT, ["classes"]),
    ]
    onnx.save(_model(nodes, inputs, outputs), path)
