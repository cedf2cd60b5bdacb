"""What the layers of Flax NNX and Flax Linen share: the names of Flax's settings."""

from typing import Any

__all__ = ["NAMES", "call_keywords", "settings_of"]

NAMES = {
    "stride": "strides",
    "dilation": "kernel_dilation",
    "groups": "feature_group_count",
    "w": "kernel",
}
"""Flax's name for each argument that `jaxdeconv.conv` calls otherwise."""


def settings_of(conv: Any) -> dict[str, Any]:
    """The settings of a convolution, ours or Flax's, that its transpose has in common with it."""
    names = (
        "padding",
        "kernel_dilation",
        "feature_group_count",
        "mask",
        "dtype",
        "param_dtype",
        "precision",
        "promote_dtype",
    )
    return {
        "padding_mode": getattr(conv, "padding_mode", "zeros"),
        "preferred_element_type": getattr(conv, "preferred_element_type", None),
        **{name: getattr(conv, name) for name in names},
    }


def call_keywords(layer: Any) -> dict[str, Any]:
    """The settings of a layer that `core.conv` and `core.conv_transpose` take by keyword."""
    names = ("mask", "precision", "preferred_element_type")
    return {name: getattr(layer, name) for name in names}
