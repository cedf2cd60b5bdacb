"""The same map in every framework: its real call, as a function of x and of its own kernel.

x and the result have their channels last, so that results can be compared. The convolutions are
'VALID' with stride 1; the transposed ones have stride 2 and give what torch gives without padding.
TensorFlow, which stores what Keras stores, is not installed: Keras stands in for it.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import equinox as eqx
import flax.linen
import haiku as hk
import jax
import keras
import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

STRIDE = 2


def _spatial(w: Any) -> int:
    return w.ndim - 2


def _lax(x: Any, w: Any, groups: int, transposed: bool) -> Any:
    letters = "HWD"[: _spatial(w)]
    numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    ones = (1,) * len(letters)
    if not transposed:
        return jax.lax.conv_general_dilated(
            x, w, ones, "VALID", dimension_numbers=numbers, feature_group_count=groups
        )
    pads = [(k - 1, k - 1) for k in w.shape[:-2]]
    spread = (STRIDE,) * len(letters)
    return jax.lax.conv_general_dilated(x, w, ones, pads, spread, ones, numbers, groups)


def _flax(x: Any, w: Any, groups: int, transposed: bool) -> Any:
    settings = {"padding": "VALID", "use_bias": False}
    layer = flax.linen.Conv(w.shape[-1], w.shape[:-2], feature_group_count=groups, **settings)
    if transposed:
        strides = (STRIDE,) * _spatial(w)
        layer = flax.linen.ConvTranspose(w.shape[-1], w.shape[:-2], strides, **settings)
    return layer.apply({"params": {"kernel": w}}, x)


def _haiku(x: Any, w: Any, groups: int, transposed: bool) -> Any:
    def module(x: Any) -> Any:
        settings = {"kernel_shape": w.shape[:-2], "padding": "VALID", "with_bias": False}
        if transposed:
            return hk.ConvNDTranspose(_spatial(w), w.shape[-2], stride=STRIDE, **settings)(x)
        layer = hk.ConvND(_spatial(w), w.shape[-1], feature_group_count=groups, **settings)
        return layer(x)

    scope = "conv_nd_transpose" if transposed else "conv_nd"
    return hk.transform(module).apply({scope: {"w": w}}, None, x)


def _keras(x: Any, w: Any, _: int, transposed: bool) -> Any:
    call = keras.ops.conv_transpose if transposed else keras.ops.conv
    return call(x, w, STRIDE if transposed else 1)


def _equinox(x: Any, w: Any, groups: int, transposed: bool) -> Any:
    name, stride = ("ConvTranspose", STRIDE) if transposed else ("Conv", 1)
    layer = eqx.filter_eval_shape(
        getattr(eqx.nn, name),
        _spatial(w),
        x.shape[-1],
        w.shape[0],
        w.shape[2:],
        stride,
        groups=groups,
        use_bias=False,
        key=jax.random.key(0),
    )
    layer = eqx.tree_at(lambda one: one.weight, layer, w)
    return np.moveaxis(jax.jit(jax.vmap(layer))(np.moveaxis(x, -1, 1)), 1, -1)


def _torch(x: Any, w: Any, groups: int, transposed: bool) -> Any:
    torch = importlib.import_module("torch")
    name = f"conv{'_transpose' if transposed else ''}{_spatial(w)}d"
    arrays = (torch.tensor(np.ascontiguousarray(a)) for a in (np.moveaxis(x, -1, 1), w))
    stride = STRIDE if transposed else 1
    y = getattr(torch.nn.functional, name)(*arrays, stride=stride, groups=groups)
    return np.moveaxis(y.numpy(), 1, -1)


def _onnx(x: Any, w: Any, groups: int, transposed: bool) -> Any:
    """Group by group: the reference evaluator cannot transpose groups."""
    xs = np.split(np.moveaxis(x, -1, 1), groups, 1)
    parts = [_onnx_node(*one, transposed) for one in zip(xs, np.split(w, groups), strict=True)]
    return np.moveaxis(np.concatenate(parts, 1), 1, -1)


def _onnx_node(x: np.ndarray, w: np.ndarray, transposed: bool) -> np.ndarray:
    strides = [STRIDE if transposed else 1] * _spatial(w)
    node = helper.make_node("ConvTranspose" if transposed else "Conv", ["X", "W"], ["Y"])
    node.attribute.append(helper.make_attribute("strides", strides))
    values = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("X", x.shape), ("W", w.shape), ("Y", None))
    ]
    graph = helper.make_graph([node], "one", values[:2], values[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)])
    return ReferenceEvaluator(model).run(None, {"X": x, "W": w})[0]


CALLS: dict[str, Callable[[Any, Any, int, bool], Any]] = {
    "onnx": _onnx,
    "lax": _lax,
    "flax": _flax,
    "haiku": _haiku,
    "equinox": _equinox,
    "keras": _keras,
    "tensorflow": _keras,
}
if importlib.util.find_spec("torch"):
    CALLS["torch"] = _torch
