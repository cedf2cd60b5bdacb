"""ONNX's own cases for Conv and ConvTranspose, and its reference evaluator beyond them."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.backend.test.case import node as cases
from onnx.reference import ReferenceEvaluator

from jaxdeconv.compat import onnx as ours
from tests.compat.support import integers
from tests.support.checks import check_equal

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
STORED = sorted(
    path.parent
    for kind in ("pytorch-converted", "pytorch-operator")
    for path in (DATA / kind).glob("*[Cc]onv*/model.onnx")
    if {n.op_type for n in onnx.load(path).graph.node} <= {"Conv", "ConvTranspose", "Constant"}
)
NODE_CASES = {"Conv": 6, "ConvTranspose": 11}


def apply(node: Any, arrays: list[np.ndarray]) -> Any:
    """Our function of the node's name, with the node's attributes."""
    attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    attributes = {n: v.decode() if isinstance(v, bytes) else v for n, v in attributes.items()}
    return getattr(ours, node.op_type)(*arrays, **attributes)


@pytest.mark.parametrize("operator", NODE_CASES)
def test_node_cases(operator: str) -> None:
    """Each is one node with small integers, so the results are equal.

    Importing an operator's module makes ONNX's cases for that operator; the usual way makes those
    of all operators.
    """
    importlib.import_module(f"{cases.__name__}.{operator.lower()}")
    of_operator = [
        case for case in cases._NodeTestCases if case.model.graph.node[0].op_type == operator
    ]
    assert len(of_operator) == NODE_CASES[operator], [case.name for case in of_operator]
    for case in of_operator:
        for inputs, (expected,) in case.data_sets:
            check_equal(apply(case.model.graph.node[0], inputs), expected)


def test_the_stored_cases_are_all_there() -> None:
    names = {path.name for path in STORED}
    assert len(names) >= 25
    assert {"test_ConvTranspose2d", "test_operator_convtranspose", "test_Conv3d_groups"} <= names


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.name)
def test_stored_case(path: Path) -> None:
    graph = onnx.load(path / "model.onnx").graph
    known = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    first = path / "test_data_set_0"
    for i, one in enumerate(value for value in graph.input if value.name not in known):
        known[one.name] = _array(first / f"input_{i}.pb")
    (node,) = (one for one in graph.node if one.op_type != "Constant")
    got = apply(node, [known[name] for name in node.input])
    expected = _array(first / "output_0.pb")
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def _array(path: Path) -> np.ndarray:
    return numpy_helper.to_array(onnx.load_tensor(path))


ATTRIBUTES = {
    "pads": {"pads": [1, 0, 0, 2], "strides": [2, 3]},
    "dilations_output_padding": {"dilations": [2, 1], "output_padding": [1, 2], "strides": [2, 3]},
    "valid": {"auto_pad": "VALID", "strides": [3, 2]},
    "same_upper": {"auto_pad": "SAME_UPPER", "strides": [2, 1], "kernel_shape": [3, 2]},
    "same_lower": {"auto_pad": "SAME_LOWER", "strides": [2, 1]},
    "same_upper_shape": {"auto_pad": "SAME_UPPER", "output_shape": [8, 12], "strides": [2, 3]},
    "same_lower_shape": {"auto_pad": "SAME_LOWER", "output_shape": [8, 12], "strides": [2, 3]},
    "shape_odd_cell_at_the_start": {"output_shape": [8, 13], "strides": [2, 3]},
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_against_the_reference_evaluator(name: str) -> None:
    """It lacks groups, and NOTSET with an output_shape that crops one side more than the other."""
    X, W, B = integers(2, 4, 4, 5), integers(4, 3, 3, 2), integers(3)
    attributes = ATTRIBUTES[name]
    got = ours.ConvTranspose(X, W, B, **attributes)
    if name == "shape_odd_cell_at_the_start":  # the operator's text gives these pads
        attributes = {"pads": [1, 1, 0, 0], "strides": [2, 3]}
    (expected,) = evaluate("ConvTranspose", attributes, X, W, B)
    check_equal(got, expected)


@pytest.mark.parametrize("name", ["pads", "valid", "same_upper", "same_lower"])
def test_conv_against_the_reference_evaluator(name: str) -> None:
    X, W, B = integers(2, 4, 8, 7), integers(6, 4, 3, 2), integers(6)
    got = ours.Conv(X, W, B, **ATTRIBUTES[name])
    check_equal(got, evaluate("Conv", ATTRIBUTES[name], X, W, B)[0])


def test_integers_are_those_of_conv_integer() -> None:
    """Unsigned images and signed kernels, converted as the error for mixed dtypes says."""
    X = (integers(2, 4, 8, 7) + 130).astype(np.uint8)
    W = integers(6, 4, 3, 2).astype(np.int8)
    got = ours.Conv(X.astype(np.int32), W.astype(np.int32), **ATTRIBUTES["pads"])
    check_equal(got, evaluate("ConvInteger", ATTRIBUTES["pads"], X, W)[0])


def evaluate(operator: str, attributes: dict[str, Any], *arrays: np.ndarray) -> list[np.ndarray]:
    """ONNX's reference implementation of one node."""
    names = ["X", "W", "B"][: len(arrays)]
    values = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in zip(names, arrays, strict=True)
    ]
    kind = onnx.TensorProto.INT32 if operator == "ConvInteger" else onnx.TensorProto.FLOAT
    result = helper.make_tensor_value_info("Y", kind, None)
    node = helper.make_node(operator, names, ["Y"], **attributes)
    graph = helper.make_graph([node], "one", values, [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)])
    return ReferenceEvaluator(model).run(None, dict(zip(names, arrays, strict=True)))
