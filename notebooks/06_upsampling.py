# %% [markdown]
# # 06 Upsampling: bilinear, checkerboards, sub-pixel
#
# Enlarging an image by a whole factor $f$ is one transposed convolution of stride $f$. Its kernel
# decides everything: whether it interpolates, whether it leaves a checkerboard, and which other
# layer it is equal to. Three facts about one map:
#
# 1. **Bilinear** (nearest, cubic, Lanczos) interpolation is a transposed convolution whose kernel
#    is known in advance. At the border it differs from `jax.image.resize`, and we shall see why.
# 2. **Checkerboards** come from kernels whose size is not a multiple of the stride, and from phases
#    with different sums.
# 3. **Sub-pixel** convolution (depth to space) is the same map with its numbers in another order.

# %%
import itertools

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxdeconv import conv, conv_transpose, interpolation, plot
from jaxdeconv.cli import photograph

plt.rcParams.update({"figure.dpi": 100, "font.size": 9, "axes.titlesize": 10})
COLORS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7"]  # safe for colour-blind eyes (Okabe, Ito)
claims = {}


def claim(text, holds):
    """Record a claim, and whether it holds."""
    claims[text] = bool(holds)
    print("holds:" if holds else "FAILS:", text)


def close(x, y):
    """The same numbers, up to rounding."""
    return np.shape(x) == np.shape(y) and np.allclose(x, y, rtol=0, atol=2e-6)


# %% [markdown]
# ## 1. Interpolation is a transposed convolution
#
# Interpolation gives every fine cell a weighted mean of the coarse cells near it. The weights are
# a *profile* $h$ of the distance. With a whole factor $f$ the distances repeat after $f$ cells, so
# the weights are $h$ at steps of $1/f$: the taps of one kernel, added at every $f$-th cell.

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained", sharey=True)
x = np.linspace(-3, 3, 301)
for color, name in zip(COLORS, ["nearest", "linear", "cubic", "lanczos3"], strict=True):
    left.plot(x, interpolation.PROFILES[name](x), color=color, label=name)
left.set(title="profiles h", xlabel="distance in coarse cells", ylabel="weight")
left.legend()
f = 4
at = np.linspace(-1.5, 1.5, 301)
right.plot(at, interpolation.PROFILES["linear"](at), color="0.7")
taps = interpolation.taps(f)
right.stem((np.arange(len(taps)) - (len(taps) - 1) / 2) / f, taps, basefmt=" ")
right.set(title=f"linear, sampled for factor {f}: {len(taps)} taps", xlabel="distance")
plt.show()
for f in (2, 3, 4):
    print(f"factor {f}:", *(f"{tap:.4g}" for tap in interpolation.taps(f)))

# %% [markdown]
# **The recipe of FCN** (Long, Shelhamer and Darrell, 2015): kernel size $2f - f \bmod 2$, stride
# $f$, padding $\lceil (f-1)/2 \rceil$. It makes the result exactly $f$ times as large.

# %%
print(" f  kernel  stride  padding   10 cells become")
right = []
for f in range(1, 9):
    g = interpolation.geometry(10, f)
    ((low, high),) = g.padding
    print(f"{f:2} {g.kernel_size[0]:7} {g.stride[0]:7} {low:8} {g.input_size[0]:17}")
    recipe = (2 * f - f % 2, f, -(-(f - 1) // 2))
    right.append((*g.kernel_size, *g.stride, low) == recipe and low == high)
    right.append(g.input_size == (10 * f,))
claim("geometry() is the recipe of FCN, and gives f times the size", all(right))

# %% [markdown]
# Here is the arithmetic of the transpose: factor 2 puts one zero between the cells, and the kernel
# covers two of them at every position.

# %%
fig, axes = plt.subplots(2, 1, figsize=(7, 5.6), layout="constrained")
u = np.array([0.0, 4.0, 8.0])
for step, ax in zip((2, 5), axes, strict=True):
    plot.arithmetic(
        ax,
        interpolation.geometry(3, 2),
        step,
        leg="conv_transpose",
        signal=u,
        kernel=interpolation.taps(2),
    )
plt.show()

# %% [markdown]
# The second picture is the *border*: the kernel reads a zero where there is no cell. The last cell
# of the result is 6, not 8.
#
# ## 2. The border
#
# Compared with `jax.image.resize` the transposed convolution is right inside and too dark at the
# border, on the outermost $\lfloor f/2 \rfloor$ cells. By how much? Apply it to an image of ones:
# $K^T 1$ is the total weight inside the image for each cell. Away from the border it is 1.

# %%
u = jnp.asarray(np.random.default_rng(0).integers(1, 10, (6, 1)), jnp.float32)
right = []
for f in (2, 3, 4):
    w, g = interpolation.kernel(f), interpolation.geometry(6, f)
    plain = conv_transpose(u, w, stride=f, padding=g.padding)
    weight = conv_transpose(jnp.ones_like(u), w, stride=f, padding=g.padding)
    resized = jax.image.resize(u, (6 * f, 1), "linear")
    print(f"factor {f}: K^T 1 begins", *(f"{value:.4g}" for value in weight[: f + 1, 0]))
    inside = slice(f // 2, -(f // 2))
    right += [close(plain[inside], resized[inside]), not close(plain, resized)]
    right += [close(plain, weight * resized), close(plain / weight, resized)]
claim("bilinear K^T is jax.image.resize, except for f // 2 cells at the border", all(right))

# %% [markdown]
# So the difference is exactly the factor $K^T 1$, and there are two ways to correct it:
#
# * **renormalise**: divide by $K^T 1$. This is what `jax.image.resize` does, for every profile;
# * **replicate**: first repeat the border cells. This is what PyTorch does.
#
# For linear interpolation the two are the same. For wider profiles they differ at the border.

# %%
picture = jnp.asarray(photograph.load(None, (64, 56))[4:52, 4:52], jnp.float32)
small = picture[::2, ::2][4:20, 4:20]
right, equal = [], {}
for name in ("nearest", "linear", "cubic", "lanczos3"):
    up = interpolation.upsample(small, (4, 4), name)
    right.append(close(up, jax.image.resize(small, (64, 64, 3), name)))
    equal[name] = close(up, interpolation.upsample(small, (4, 4), name, border="replicate"))
claim("renormalised, every profile is jax.image.resize", all(right))
claim("renormalised and replicated agree for linear", equal["linear"])
claim("and not for cubic and Lanczos", not equal["cubic"] and not equal["lanczos3"])

fig, axes = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained")
shown = [("zeros", "linear"), ("renormalise", "linear"), ("renormalise", "cubic")]
axes[0].imshow(small, interpolation="nearest")
axes[0].set_title("16 x 16")
for ax, (border, name) in zip(axes[1:], shown, strict=True):
    up = interpolation.upsample(small, (4, 4), name, border=border)
    ax.imshow(np.clip(up, 0, 1), interpolation="nearest")
    ax.set_title(f"{name}, border: {border}")
for ax in axes:
    ax.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# Look at the edge of the second picture: that darkening is the zero border.
#
# ## 3. Checkerboards
#
# The same test, $K^T 1$ with a kernel of ones, counts how many kernels overlap in a cell. If the
# stride divides the kernel size, every cell inside has the same count. If not, the count has a
# pattern of period $s$, which training would have to compensate.


# %%
def overlaps(k, s):
    """How many kernels of k x k cover each cell, inside."""
    ones = jnp.ones((8, 8, 1)), jnp.ones((k, k, 1, 1))
    return np.asarray(conv_transpose(*ones, stride=s)[k:-k, k:-k, 0], int)


right = []
print("kernel  stride  counts inside")
for k, s in itertools.product((2, 3, 4, 5, 6), (2, 3)):
    counts = np.unique(overlaps(k, s))
    print(f"{k:6} {s:7}  {', '.join(map(str, counts))}")
    right.append((len(counts) == 1) == (k % s == 0))
claim("even overlap if, and only if, the stride divides the kernel size", all(right))

# %% [markdown]
# An even overlap is necessary, not sufficient. A cell $x$ gets only the taps $t \equiv x + p \pmod
# s$, its *phase*. Random kernels have phases with different sums, so even a constant image becomes
# a pattern. In interpolation kernels all phases sum to 1. **ICNR** initialises a layer with equal
# phases: nearest-neighbour upsampling of a small convolution.

# %%
rng = np.random.default_rng(1)
s, flat = 2, jnp.ones((8, 8, 1))
draws = {k: jnp.asarray(rng.normal(size=(k, k, 1, 1)), jnp.float32) for k in (3, 4)}
small_kernel = jnp.asarray(rng.normal(size=(2, 2, 1, 1)), jnp.float32)
kernels = {
    "3x3 random": draws[3],
    "4x4 random": draws[4],
    "4x4 ICNR": jnp.repeat(jnp.repeat(small_kernel, 2, 0), 2, 1),
    "4x4 bilinear": interpolation.kernel((2, 2)),
}
ripple, fig = {}, plt.figure(figsize=(9, 2.6), layout="constrained")
for ax, (name, w) in zip(fig.subplots(1, 4), kernels.items(), strict=True):
    inside = np.asarray(conv_transpose(flat, w, stride=s))[3:-3, 3:-3, 0]
    ripple[name] = np.ptp(inside)
    limit = abs(inside).max()
    ax.imshow(inside, cmap="coolwarm", vmin=-limit, vmax=limit)
    ax.set(title=name, xticks=[], yticks=[], xlabel=f"ripple {ripple[name]:.2f}")
fig.suptitle("a constant image after one transposed convolution of stride 2")
plt.show()
claim("random phases: a checkerboard", min(ripple["3x3 random"], ripple["4x4 random"]) > 0.5)
claim("equal phases, or phases of sum 1: none", max([*ripple.values()][2:]) < 1e-5)

# %% [markdown]
# ## 4. Sub-pixel convolution is the same map
#
# Sort the taps by phase. Each phase is a small convolution of $u$ at its own resolution, and the
# phases are interleaved at the end: *depth to space*. So a transposed convolution of stride $s$
# with kernel $k = s\,m$ **is** a convolution with $s^2$ times the channels and a shuffle, and vice
# versa. Only the name differs (and the speed: no zeros are multiplied).


# %%
def depth_to_space(x, s):
    """[h, w, s, s, c] -> [s*h, s*w, c]."""
    h, w, _, _, c = x.shape
    return x.transpose(0, 2, 1, 3, 4).reshape(s * h, s * w, c)


def sub_pixel(u, w, s):
    """K^T u (whole, no padding): one convolution per phase, then depth to space."""
    k, m = w.shape[0], w.shape[0] // s
    phases = w.reshape(m, s, m, s, *w.shape[2:])  # tap = s * (which) + phase
    small = phases[::-1, :, ::-1].transpose(0, 2, 5, 1, 3, 4)  # flip; then in, phases, out
    stacked = small.reshape(m, m, w.shape[3], -1)  # output channels: phase, phase, channel
    y = conv(u, stacked, padding=m - 1)
    return depth_to_space(y.reshape(*y.shape[:2], s, s, w.shape[2]), s), k


right = []
for s, m in itertools.product((2, 3), (1, 2)):
    w = jnp.asarray(rng.integers(-4, 5, (s * m, s * m, 2, 3)), jnp.float32)
    u = jnp.asarray(rng.integers(-4, 5, (4, 5, 3)), jnp.float32)
    by_phases, k = sub_pixel(u, w, s)
    whole = conv_transpose(u, w, stride=s)
    print(f"stride {s}, kernel {k}: {u.shape} -> {whole.shape}")
    right.append(np.array_equal(whole, by_phases))
claim("transposed convolution is sub-pixel convolution, exactly", all(right))

w = interpolation.kernel((2, 2))
flat, _ = sub_pixel(small[..., :1], w, 2)
plain = interpolation.upsample(small[..., :1], (2, 2), border="zeros")
claim("so bilinear upsampling is four 2x2 convolutions", close(flat[1:-1, 1:-1], plain))

# %% [markdown]
# ## 5. Its transpose shrinks
#
# The transpose of upsampling is a strided convolution with the same kernel: it smooths, and then
# drops cells. `upsample_transpose` is that map, for every border, and
# $\langle v, U u\rangle = \langle U^T v, u\rangle$ holds.

# %%
u, v = (jnp.asarray(rng.integers(-4, 5, (n, n, 1)), jnp.float32) for n in (5, 20))
right = []
for border in interpolation.BORDERS:
    up = interpolation.upsample(u, (4, 4), border=border)
    down = interpolation.upsample_transpose(v, (4, 4), border=border)
    right.append(abs(np.vdot(v, up) - np.vdot(down, u)) < 1e-3)
claim("<v, U u> = <U^T v, u> for every border", all(right))
shrunk = interpolation.upsample_transpose(picture, (4, 4)) / 16
means = float(shrunk[1:-1, 1:-1].mean()), float(picture[4:-4, 4:-4].mean())
claim("U^T / f^2 keeps the brightness inside", abs(means[0] / means[1] - 1) < 0.05)

# %% [markdown]
# ## What we claimed
#
# Interpolation, checkerboards and sub-pixel convolution are all the same map, $K^T$, with
# different kernels.

# %%
assert len(claims) == 12
assert all(claims.values()), [text for text, holds in claims.items() if not holds]
print(f"all {len(claims)} claims hold")
