"""Parameters of the layers from arrays of other libraries."""

from jax import Array

from jaxdeconv.nn.arrays import Arrays, check_fit

__all__ = ["load"]


def load(params: Arrays, arrays: Arrays) -> dict[str, Array]:
    """A layer's parameters with the kernel and the bias of `arrays`.

    Args:
        params: the layer's own part of the parameters, 'w' and perhaps 'b'.
        arrays: of `jaxdeconv.nn.arrays.from_torch` or `from_keras`; cast to the layer's dtypes.

    Returns:
        New parameters.

    Raises:
        ValueError: shapes that differ, a bias too many or too few.

    Example:
        >>> import haiku, jax, jax.numpy as jnp, numpy as np
        >>> from jaxdeconv.nn.arrays import from_torch
        >>> from jaxdeconv.nn.haiku import Conv1DTranspose
        >>> layer = haiku.transform(lambda u: Conv1DTranspose(1, 3, 2, with_bias=False)(u))
        >>> params = layer.init(jax.random.key(0), jnp.ones((1, 5, 2)))["conv1_d_transpose"]
        >>> params = load(params, from_torch({"up.weight": np.ones((2, 1, 3))}, "up."))
        >>> float(params["w"].sum())
        6.0
    """
    bias = params.get("b")
    fitting = check_fit(arrays, kernel=params["w"], bias=None if bias is None else bias.ravel())
    if bias is None:
        return {"w": fitting["kernel"]}
    return {"w": fitting["kernel"], "b": fitting["bias"].reshape(bias.shape)}
