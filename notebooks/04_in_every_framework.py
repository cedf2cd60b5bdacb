# %% [markdown]
# # 04 In every framework
#
# Notebooks 01 and 02 were about one map and its transpose. Here are three ways to use them in
# models, each with less to change than the one before:
#
# 1. **build** with layers that have exact transposes: a U-Net that denoises photographs;
# 2. **port** a PyTorch model, including groups and dilation, with its own arrays;
# 3. **change nothing**: `accelerate` replaces the convolutions of an existing model.
#
# This notebook has no timings (see `benchmarks/`), only numbers and pictures.

# %%
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import torch
from flax import nnx

sys.path.insert(0, "..")  # for the examples

from examples.unet import data, network, training
from examples.unet.settings import Settings
from jaxdeconv import nn, verify
from jaxdeconv.acceleration import accelerate
from jaxdeconv.nn.arrays import from_torch

plt.rcParams.update({"figure.dpi": 100, "font.size": 9, "axes.titlesize": 10})
claims = {}


def claim(text, holds):
    """Record a claim, and whether it holds."""
    claims[text] = bool(holds)
    print("holds:" if holds else "FAILS:", text)


def close(x, y):
    """Equal up to float32 rounding of sums."""
    return np.allclose(x, y, rtol=1e-4, atol=1e-4)


# %% [markdown]
# ## A layer and its transpose
#
# The arguments are the framework's own. `padding` is always that of the forward layer, and `like`
# makes the exact transpose, which shares the kernel. `verify` checks it, entry by entry.

# %%
down = nn.nnx.Conv(4, 6, (3, 3), strides=2, padding=1, feature_group_count=2, rngs=nnx.Rngs(0))
up = nn.nnx.ConvTranspose.like(down, input_size=(8, 7))
claim("one kernel, two layers", up.kernel is down.kernel)

down.bias[...] = jnp.zeros(6)  # a bias is not linear
image = jax.ShapeDtypeStruct((1, 8, 7, 4), "float32")
report = verify.adjoint(down, up, image, key=0)
claim("one layer is the transpose of the other", report.ok)

# %% [markdown]
# ## 1. Build: a U-Net, trained
#
# `examples/unet/` is a small U-Net with these layers; `python -m examples.unet` trains it
# properly. A short training on small patches is enough to see it work, on a photograph of a cat
# that is not in the training data.

# %%
settings = Settings(steps=150, batch=4, size=32, channels=(12, 24, 48), learning_rate=2e-3)
learning = training.learner(settings)
losses = [float(learning.step(*data.batch(settings, step))) for step in range(settings.steps)]
noisy, clean = data.held_out(settings)
denoised = jax.jit(learning.model.__call__)(noisy)

figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
axes[0].semilogy(losses, color="#0072B2")
axes[0].axhline(settings.noise**2, color="gray", linestyle="--")
axes[0].set(title="error of each step (dashed: of the noisy input)", xlabel="step")
for ax, picture, title in zip(axes[1:], (noisy, denoised), ("noisy", "denoised"), strict=True):
    ax.imshow(np.clip(picture[0, 32:160, 32:160, 0], 0, 1), cmap="gray", vmin=0, vmax=1)
    ax.set(title=title, xticks=[], yticks=[])
plt.show()
claim("less noise than before", data.psnr(denoised, clean) > data.psnr(noisy, clean) + 1)

# %% [markdown]
# ## 2. Port: a PyTorch model with groups and dilation
#
# Flax has no groups in its transposed convolution, and Equinox flips its kernel. With our layers,
# PyTorch's arrays go in as they are, and both frameworks give PyTorch's results.

# %%
torch.manual_seed(0)
decoder = torch.nn.Sequential(
    torch.nn.ConvTranspose2d(8, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
    torch.nn.ReLU(),
    torch.nn.ConvTranspose2d(6, 3, (3, 2), padding=(1, 0), dilation=(2, 3), groups=3),
)
x = torch.randn(2, 8, 6, 5)
expected = decoder(x).detach().numpy()
weights = decoder.state_dict()

first = nn.nnx.ConvTranspose(
    8, 6, (3, 3), 2, padding=1, output_padding=1, feature_group_count=2, rngs=nnx.Rngs(0)
)
last = nn.nnx.ConvTranspose(
    6, 3, (3, 2), padding=(1, 0), kernel_dilation=(2, 3), feature_group_count=3, rngs=nnx.Rngs(0)
)
nn.nnx.load(first, from_torch(weights, "0."))
nn.nnx.load(last, from_torch(weights, "2."))
y = last(jax.nn.relu(first(jnp.asarray(x.numpy()).transpose(0, 2, 3, 1))))
claim("Flax NNX gives the same as PyTorch", close(y.transpose(0, 3, 1, 2), expected))

# %%
key = jax.random.key(0)
first = nn.equinox.ConvTranspose2d(8, 6, 3, 2, padding=1, output_padding=1, groups=2, key=key)
last = nn.equinox.ConvTranspose2d(6, 3, (3, 2), padding=(1, 0), dilation=(2, 3), groups=3, key=key)
layers = [
    nn.equinox.load(first, from_torch(weights, "0.")),
    eqx.nn.Lambda(jax.nn.relu),
    nn.equinox.load(last, from_torch(weights, "2.")),
]
y = eqx.filter_jit(eqx.nn.Sequential(layers))(jnp.asarray(x.numpy()))  # a batch needs no vmap
claim("Equinox gives the same as PyTorch", close(y, expected))

# %% [markdown]
# ## 3. Change nothing
#
# The same U-Net with Flax's *own* layers, and its loss, as anybody would write them. With one more
# word, no convolution over inserted zeros is left in the program; the gradients are the same.

# %%
theirs = network.UNet(settings, network.FLAX, nnx.Rngs(0))
graph, state = nnx.split(theirs)
noisy, clean = data.batch(settings, 0)


def loss(state):
    """The mean square error of a U-Net with Flax's layers."""
    return jnp.square(nnx.merge(graph, state)(noisy) - clean).mean()


fast = jax.jit(accelerate(jax.value_and_grad(loss)))

plain = jax.value_and_grad(loss)(state)
same = jax.tree.map(lambda a, b: np.allclose(a, b, rtol=1e-3, atol=1e-5), plain, fast(state))
claim("the same loss, the same gradients", all(jax.tree.leaves(same)))
slow_ones = str(jax.make_jaxpr(jax.value_and_grad(loss))(state)).count("lhs_dilation=(2, 2)")
left = str(jax.make_jaxpr(fast)(state)).count("lhs_dilation=(2, 2)")
print("convolutions over inserted zeros: before", slow_ones, "after", left)
claim("no convolution multiplies inserted zeros", slow_ones > 0 and left == 0)

# %% [markdown]
# ## What we claimed

# %%
print(f"{sum(claims.values())} of {len(claims)} claims hold")
assert all(claims.values())
