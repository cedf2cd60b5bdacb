# %% [markdown]
# # 07 Larger than one device
#
# A volume of a scanner, a slide of a microscope, an hour of audio: the arrays inside a network soon
# exceed the memory of one device. So we cut them into blocks, and every device holds one. A
# convolution then needs a few cells that are not in the block but next to it, its *halo*.
#
# With `jaxdeconv` nothing has to be called for this. Arrays that are divided are enough:
#
# 1. **who holds what**, and which cells each device is missing: integers;
# 2. **the numbers are the same**: not nearly, but `==`;
# 3. **a 3-D V-Net**, trained on 8 devices, each with a fraction of the memory.
#
# The devices here are simulated: one CPU plays all 8.

# %%
import functools
import itertools
import sys

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

sys.path.insert(0, "..")  # for the example

from examples.vnet import network, pictures, training
from jaxdeconv import ConvGeometry, conv, conv_transpose, kernel_gradient, sharding
from jaxdeconv.sharding.dimension import Dimension
from jaxdeconv.sharding.windows import spans

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 8)  # before the first array

plt.rcParams.update({"figure.dpi": 100, "font.size": 9, "axes.titlesize": 10})
claims = {}


def claim(text, holds):
    """Record a claim, and whether it holds."""
    claims[text] = bool(holds)
    print("holds:" if holds else "FAILS:", text)


def integers(rng, shape):
    """Small whole numbers: sums of their products are exact in float32."""
    return jnp.asarray(rng.integers(-4, 5, shape), jnp.float32)


# %% [markdown]
# ## 1. Who holds what
#
# Take one axis of 16 cells and 4 devices: each holds 4 cells. The forward convolution $K$ with
# stride $s$, kernel size $k$ and padding $p$ computes output $y$ from the cells
# $s\,y - p, \dots, s\,y - p + k - 1$. A device computes the outputs of its own block, $y_0$ up to
# but not including $y_1$. So it needs
#
# $$\text{the cells from } s\,y_0 - p \text{ up to } s\,(y_1 - 1) - p + k - 1,$$
#
# its *window*. What of it is outside of the axis is padding, and zero. The transposed convolution
# $K^T$ goes the other way: a device computes its own cells of $v$, and needs all $y$ whose kernels
# touch them. The kernel gradient $G$ sums products of $u[y]$ with the same cells that $K$ reads;
# so it needs the window of $K$, and at the end one sum over all devices. (In all that is printed
# here, "4 to 8" are the cells 4, 5, 6 and 7.)

# %%
g = ConvGeometry(input_size=(16,), kernel_size=(5,), stride=(2,), padding=((2, 2),))
axis = Dimension.of(g, 0)
of_v, of_u = axis.window(4), axis.image(4).window
print("device  holds of v  K and G need  holds of u  K^T needs")
for i, ((a, b), (c, d)) in enumerate(zip(spans(16, 4), spans(8, 4), strict=True)):
    needed = f"{of_v.starts[i]:3} to {of_v.stops[i]:2}", f"{of_u.starts[i]:2} to {of_u.stops[i]:2}"
    print(f"{i:6}  {a:4} to {b:2}     {needed[0]}     {c:2} to {d:2}    {needed[1]}")


def draw_windows(ax, window, title):
    """A row for each device: the cells of the axis, coloured by owner, and its window."""
    for i, (start, stop) in enumerate(zip(window.starts, window.stops, strict=True)):
        for cell in range(window.size):
            color = pictures.COLORS[cell // window.block]
            alpha = 1.0 if start <= cell < stop else 0.2
            ax.add_patch(plt.Rectangle((cell, -i), 0.9, 0.8, facecolor=color, alpha=alpha))
        ax.plot(*zip((start, -i), (stop - 0.1, -i), strict=True), color="black", lw=2)
        ax.plot(*zip((start, 0.8 - i), (stop - 0.1, 0.8 - i), strict=True), color="black", lw=2)
    ax.set(xlim=(-2.5, window.size + 2.5), ylim=(-3.3, 1.1), title=title, xlabel="cell")
    ax.set_xticks(range(0, window.size + 1, window.block))
    ax.set_yticks([0.4 - i for i in range(4)], [f"device {i}" for i in range(4)])


fig, axes = plt.subplots(1, 2, figsize=(9, 2.2), layout="constrained")
draw_windows(axes[0], of_v, "v: what $K$ and $G$ need (k = 5, s = 2, p = 2)")
draw_windows(axes[1], of_u, "u: what $K^T$ needs")
plt.show()

# %% [markdown]
# Colours say who holds a cell; the strong ones, between the lines, are what a device needs. The
# missing cells are sent in *hops*: in each, every device sends the same stretch of its block to the
# device before it, or to the one behind. No device ever holds the whole axis.

# %%
for name, window in (("v", of_v), ("u", of_u)):
    for hop in window.hops:
        if hop.distance:
            sent = ", ".join(f"{j} to {i}" for j, i in hop.pairs)
            print(f"{name}: cells {hop.start} to {hop.stop} of the block, from device {sent}")

right = []
for n, k, s, p, parts in itertools.product(
    range(4, 14), (1, 2, 3, 5), (1, 2, 3), (0, 1, 2), (2, 3)
):
    if n + 2 * p < k:
        continue
    axis = Dimension.of(ConvGeometry((n,), (k,), (s,), ((p, p),)), 0)
    outputs, window, image = spans(axis.o, parts), axis.window(parts), axis.image(parts).window
    for i, (a, b) in enumerate(spans(axis.n, parts)):
        # by the definition, cell by cell
        reads = {s * y - p + t for y in range(*outputs[i]) for t in range(k)}
        touch = {y for y in range(axis.o) for t in range(k) if a <= s * y - p + t < b}
        ends = (min(reads), max(reads) + 1) if reads else (window.starts[i],) * 2
        right.append(ends == (window.starts[i], window.stops[i]))
        right.append(touch <= set(range(image.starts[i], image.stops[i])))
print(f"{len(right)} windows compared with the definition")
claim("windows are what the definition reads, cell by cell", all(right))

# %% [markdown]
# ## 2. The numbers are the same
#
# Lay an image over a mesh of 4 x 2 devices, and call the three legs as always. Whole numbers make
# every sum exact, so `==` is a fair test; `sharding.explain` tells what is exchanged before
# anything runs.

# %%
mesh = jax.make_mesh((4, 2), ("h", "w"), axis_types=(AxisType.Auto,) * 2)
blocks = NamedSharding(mesh, P(None, "h", "w"))
rng = np.random.default_rng(0)
v, w = integers(rng, (1, 32, 16, 3)), integers(rng, (5, 3, 3, 4))
kind = {"stride": 2, "padding": ((2, 2), (1, 1))}
u = integers(rng, conv(v, w, **kind).shape)
divided_v, divided_u = jax.device_put((v, u), blocks)
legs = {
    "K": (lambda v: conv(v, w, **kind), v, divided_v),
    "K^T": (lambda u: conv_transpose(u, w, input_size=(32, 16), **kind), u, divided_u),
    "G": (lambda v: kernel_gradient(u, v, kernel_size=(5, 3), **kind), v, divided_v),
}
right, gathered, told = [], [], {}
for name, (leg, whole, divided) in legs.items():
    right.append(np.array_equal(jax.jit(leg)(divided), leg(whole)))
    told[name] = sharding.explain(leg, divided)
    gathered += told[name].gathered
print(told["K"])
claim("divided among 8 devices, K, K^T and G give the same numbers, exactly", all(right))
claim("no device gathers a whole array", not gathered)

# %% [markdown]
# How much is exchanged follows from the integers: cells of the halo, times those of the block in
# the other dimension, times channels, times bytes. (Dimensions go one after the other, so corners
# come along with the second one.) The compiled program sends just that.


# %%
def formula(told):
    """Bytes that a device sends at most, by the integers; sums left out."""
    return sum(sent.bytes for _, all_sent, _ in told.legs for sent in all_sent if not sent.is_sum)


def permuted(told):
    """Bytes that the compiled program permutes among devices."""
    return sum(one.bytes for one in told.collectives if one.kind == "collective-permute")


for name in legs:
    print(
        f"{name:4} {formula(told[name]):5} bytes by the formula, {permuted(told[name]):5} compiled"
    )
claim(
    "a device sends what the formula says",
    all(formula(one) == permuted(one) > 0 for one in told.values()),
)

# %% [markdown]
# ### Padding that holds copies
#
# With circular padding the first device needs the last one's cells: one more hop, around the end.
# The other padding modes copy cells too, of the device's own block mostly.

# %%
right = []
for mode in ("circular", "reflect", "replicate", "symmetric"):
    leg = functools.partial(conv, w=w, **kind, padding_mode=mode)
    right.append(np.array_equal(jax.jit(leg)(divided_v), leg(v)))
    back = functools.partial(conv_transpose, w=w, input_size=(32, 16), **kind, padding_mode=mode)
    right.append(np.array_equal(jax.jit(back)(divided_u), back(u)))
claim("every padding mode, and its transpose: the same numbers", all(right))

around = Dimension.of(g, 0).window(4)
source = [*range(14, 16), *range(16), *range(2)]  # of each cell of the padded axis: circular
for copies in around.copies(source, low=2):
    for hop in copies.hops:
        sent = ", ".join(f"{j} to {i}" for j, i in hop.pairs)
        print(f"circular: cells {hop.start} to {hop.stop} of the block, from device {sent}")

# %% [markdown]
# ### Blocks that are not even
#
# 24 rows over 4 devices are 6 each. A convolution without padding makes 11 of them: blocks of 3, 3,
# 3 and 2. The transposed one goes back to 24. JAX wants even blocks where arrays enter and leave
# `jit`; in between they may be uneven.


# %%
def there_and_back(v):
    """K^T K v, with 11 rows in between."""
    return conv_transpose(conv(v, w, stride=2), w, stride=2, input_size=v.shape[1:3])


v24 = integers(rng, (1, 24, 16, 3))
divided_v24 = jax.device_put(v24, blocks)
print("rows of u:", [b - a for a, b in spans(11, 4)])
same = np.array_equal(jax.jit(there_and_back)(divided_v24), there_and_back(v24))
claim("uneven blocks: the same numbers", same)
claim("and nothing is gathered", not sharding.explain(there_and_back, divided_v24).gathered)

# %% [markdown]
# ### Explicit mode: types say who holds what
#
# If the mesh is explicit, the type of the result tells how it is divided, while tracing:

# %%
explicit = jax.make_mesh((4, 2), ("h", "w"), axis_types=(AxisType.Explicit,) * 2)
typed_v = jax.device_put(v, NamedSharding(explicit, P(None, "h", "w")))
print(jax.typeof(typed_v), "->", jax.typeof(conv(typed_v, w, **kind)))

# %% [markdown]
# ### Inside `shard_map`: blocks in, blocks out
#
# There a function sees one device's block. `spatial_axes` says which mesh axes divide it, and
# `input_size` how large the whole is.


# %%
def on_blocks(block):
    """The convolution of the whole, seen by one device."""
    return conv(block, w, **kind, spatial_axes=("h", "w"), input_size=(32, 16))


spec = P(None, "h", "w")
mapped = jax.jit(jax.shard_map(on_blocks, mesh=mesh, in_specs=spec, out_specs=spec))
claim("shard_map: the same numbers", np.array_equal(mapped(divided_v), conv(v, w, **kind)))

# %% [markdown]
# ## 3. A 3-D V-Net
#
# `examples/vnet` is a V-Net (Milletari et al., 2016): it halves a volume by strided convolutions,
# doubles it by transposed ones, and marks what it is to find. Its training step is plain JAX, and
# knows of no devices. We divide the volume into 2 x 2 x 2 blocks; parameters are whole everywhere.

# %%
size, channels = 64, (4, 8)
cube = training.cube_of_devices()
whole = training.arguments(None, (size,) * 3, channels)
blocks = training.arguments(cube, (size,) * 3, channels)
print("volume:", blocks[2].shape, "divided as", blocks[2].sharding.spec)

told = {
    name: sharding.explain(training.compiled_step, *blocks, convolutions=convolutions)
    for name, convolutions in (("jaxdeconv", network.OURS), ("jax.lax", network.STOCK))
}
ours = told["jaxdeconv"]
print(len(ours.legs), "convolutions, transposed convolutions and kernel gradients are divided")
claim("no array of the step is gathered", not ours.gathered)
claim("its halos are what the formula says", formula(ours) == permuted(ours) > 0)


# %% [markdown]
# How much memory does a device need? The compiled program says so: arguments, results, and
# everything in between that is kept for the gradient.


# %%
def memory(types, convolutions=network.OURS):
    """MiB of one device for a training step."""
    compiled = training.compiled_step.lower(*types, convolutions=convolutions).compile()
    return training.memory(compiled) / 2**20


alone, divided = memory(whole), memory(blocks)
limit = 48  # MiB: the memory that our simulated devices shall have
claim(f"a device of {limit} MiB cannot hold the step on the whole volume", alone > limit)
claim("one of eight can, with half of it to spare", divided < limit / 2)

# %% [markdown]
# The losses of three steps, of the volume on 8 devices and, as this CPU has memory enough, on one.
# They differ by rounding alone: the Dice loss and the kernel gradients are sums over all devices,
# which are added in another order.

# %%
losses = {
    name: training.train(mesh, (size,) * 3, channels, steps=3)
    for name, mesh in (("one device", None), ("eight devices", cube))
}
for name, row in losses.items():
    print(f"{name:14}", *(f"{loss:.4f}" for loss in row))
claim(
    "equal losses, up to 1e-5 of them",
    np.allclose(losses["one device"], losses["eight devices"], rtol=1e-5, atol=0),
)
claim("and it learns", losses["eight devices"][-1] < losses["eight devices"][0])

# %% [markdown]
# Who holds what, and what is exchanged: blocks of $32^3$ cells; the slice through the middle; one
# layer of halo cells per 3x3x3 convolution, and none for the 2x2x2 ones of stride 2, whose kernels
# end where blocks do. The last picture counts bytes on one device, for our convolutions and for
# those of `jax.lax`, which JAX's own partitioner divides: it gathers whole arrays on every device,
# and their size grows with the volume, however many devices there are.

# %%
bars = {"one device": {"memory": alone}, "jaxdeconv": {"memory": divided}}
bars["jaxdeconv"] |= pictures.exchanged(ours)
bars["jax.lax"] = {"memory": memory(blocks, network.STOCK)} | pictures.exchanged(told["jax.lax"])
pictures.draw(ours, bars, size)
plt.show()

# %% [markdown]
# ## What we claimed
#
# What a device is missing are integers, known before anything runs; with what it fetches it
# computes its part as one device would; and a larger volume needs more devices, not larger ones.

# %%
assert len(claims) == 14
assert all(claims.values()), [text for text, holds in claims.items() if not holds]
print(f"all {len(claims)} claims hold")
