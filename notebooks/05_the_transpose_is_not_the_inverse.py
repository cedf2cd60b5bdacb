# %% [markdown]
# # 05 The transpose is not the inverse
#
# "Deconvolution" is an unfortunate second name of transposed convolution: it promises to undo a
# convolution. $K^T$ restores the *size* of the image, not the image. This notebook compares $K^T$
# with maps that do try to invert, on a photograph: least squares, the Wiener filter, and
# Richardson-Lucy iteration. All of them *use* $K^T$; none of them *is* $K^T$.
#
# As before, $v$ is the image, $K$ a convolution with its stride, $u = Kv$ what was measured.
#
# Is the kernel flipped? No: $K$ is a *correlation*, $u_y = \sum_t w_t v_{sy+t}$, as in all of deep
# learning. Optics and signal processing flip it. To blur by a point spread function as they do,
# pass it reversed, `ConvOperator(jnp.flip(psf, (0, 1)), image.shape, ...)`. The blurs of sections
# 2 to 4 are symmetric, so it does not matter; with an asymmetric one, forgetting to reverse it
# blurs by its mirror image, without any error.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxdeconv import plot
from jaxdeconv.cli import photograph
from jaxdeconv.operators import (
    ConvOperator,
    inverse_report,
    lstsq,
    null_space,
    pinv,
    richardson_lucy,
    singular_values,
    wiener,
)

plt.rcParams.update({"figure.dpi": 100, "font.size": 9, "axes.titlesize": 10})
claims = {}


def claim(text, holds):
    """Record a claim, and whether it holds."""
    claims[text] = bool(holds)
    print("holds:" if holds else "FAILS:", text)


def distance(x, y):
    """|x - y| / |y|."""
    return float(jnp.linalg.norm(jnp.ravel(x - y)) / jnp.linalg.norm(jnp.ravel(y)))


def psnr(x, v):
    """Peak signal to noise ratio in dB: larger is closer to v; 6 dB more is half the error."""
    return float(-10 * jnp.log10(jnp.mean((x - v) ** 2)))


# %% [markdown]
# ## 1. In numbers
#
# The example of notebook 01: a 4x4 image with a 3x3 kernel. $K$ is 4x16, so it has a null space of
# at least 12 dimensions, which no map can restore. $K^TK$ is not a multiple of the identity.

# %%
w = jnp.array([[1.0, 2, -3], [4, -5, 7], [2, 6, 9]])[..., None, None]
K = ConvOperator(w, (4, 4, 1))
v = jnp.asarray(np.arange(16.0).reshape(4, 4, 1) ** 2 % 11, jnp.float32)
report = inverse_report(K, v)
print(report)
claim("a null space of 12 dimensions", report.nullity == 12 and report.rank == 4)
claim("K^T K is far from every c I", report.gram_defect > 0.5)

best = lstsq(K, K @ v).value
claim("K^T u does not explain u", distance(K @ (K.T @ (K @ v)), K @ v) > 1)
claim("least squares does, exactly", distance(K @ best, K @ v) < 1e-4)
claim("and is still not v: the rest lies in the null space", distance(best, v) > 0.1)
unseen = null_space(K).reshape(12, 16)
rest = jnp.ravel(v - best)
claim("which is where the difference is", distance(unseen.T @ (unseen @ rest), rest) < 1e-3)

# %%
fig, axes = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained")
shown = {"image v": v, "$K^T K$ v": K.T @ (K @ v), "least squares": best}
for ax, (name, x) in zip(axes, shown.items(), strict=False):
    plot.kernel(ax, np.round(x[..., 0], 1), name)
plot.kernel(axes[3], np.round(unseen[0].reshape(4, 4), 2), "K maps this to 0")
for ax in axes:
    ax.tick_params(which="both", bottom=False, left=False, labelbottom=False, labelleft=False)
plt.show()

# %% [markdown]
# ## 2. Super-resolution
#
# A camera with too few pixels: blur by a 4x4 binomial kernel, keep every second cell in both
# directions, add a little noise. The borders are circular here, so $K$ is block-circulant, and its
# pseudo-inverse and Wiener filter are exact in the Fourier domain.


# %%
def camera(taps, stride, shape):
    """K of a separable blur of each colour."""
    kernel = jnp.asarray(np.outer(taps, taps) / np.sum(taps) ** 2, jnp.float32)
    w = jnp.repeat(kernel[..., None, None], 3, axis=-1)
    before = (len(taps) - 1) // 2
    after = len(taps) - stride - before
    how = {"stride": stride, "padding": ((before, after),) * 2, "groups": 3}
    return ConvOperator(w, shape, padding_mode="circular", **how)


def noise_to_signal(shape, sigma):
    """The ratio of spectra for a typical photograph, whose power falls as 1 / frequency^2."""
    rows, columns = (np.fft.fftfreq(n) for n in shape[:2])
    squared = rows[:, None] ** 2 + columns[None] ** 2
    signal = 2e-4 / (squared + 1 / np.prod(shape[:2]))
    return jnp.asarray(np.repeat((sigma**2 / signal)[..., None], 3, -1), jnp.float32)


def restore(K, u, sigma, steps):
    """The result of each map for u."""
    ones = K.T @ jnp.ones(K.output_shape)
    rl = richardson_lucy(K, jnp.clip(u, 1e-3, None), tolerance=0.0, max_steps=steps)
    return {
        "transpose": (K.T @ u) / ones,
        "least squares": pinv(K) @ u,
        "damped": lstsq(K, u, damp=20 * sigma**2, preconditioner="polyphase").checked(),
        "Wiener": wiener(K, noise_to_signal(K.input_shape, sigma)) @ u,
        "Richardson-Lucy": rl.value,
    }


def compare(v, u, results, title):
    """Show all results side by side; return their PSNR."""
    quality = {name: psnr(jnp.clip(x, 0, 1), v) for name, x in results.items()}
    fig, axes = plt.subplots(2, 4, figsize=(9, 5), layout="constrained")
    panels = {"v": v, "u = K v + noise": u} | results
    for ax, (name, x) in zip(axes.flat, panels.items(), strict=False):
        ax.imshow(np.clip(x, 0, 1), interpolation="nearest")
        ax.set_title(name + (f": {quality[name]:.1f} dB" if name in quality else ""))
    for ax in axes.flat:
        ax.set_axis_off()
    fig.suptitle(title)
    plt.show()
    for name, decibels in quality.items():
        print(f"{name:16} {decibels:5.1f} dB")
    return quality


v = jnp.asarray(photograph.load(None, (120, 102))[8:72, 18:82], jnp.float32)
key, sigma = jax.random.key(0), 0.005
K = camera([1, 3, 3, 1], 2, v.shape)
u = K @ v + sigma * jax.random.normal(key, K.output_shape)
print(f"K is {K.shape[0]} x {K.shape[1]}: three quarters of v are lost")
sharper = restore(K, u, sigma, 40)
quality = compare(v, u, sharper, "super-resolution by 2")

# %%
blurred = quality["transpose"]
claim("the transpose is the worst of all", blurred == min(quality.values()))
claim("Wiener gains 2 dB over it", quality["Wiener"] > blurred + 2)
claim("so does Richardson-Lucy", quality["Richardson-Lucy"] > blurred + 2)
misfit = {name: distance(K @ x, u) for name, x in sharper.items()}
print({name: f"{value:.1e}" for name, value in misfit.items()})
claim(
    "least squares explains u, the transpose does not",
    misfit["least squares"] < 1e-4 < 1e-2 < misfit["transpose"],
)

# %% [markdown]
# The transpose is a kind of interpolation: smooth, and blurred a second time. Where $K$ halves a
# frequency, $K^T$ halves it *again*; an inverse would double it. In terms of singular values: with
# $K = U\Sigma V^T$, the transpose has $\Sigma$ where the inverse has $1/\Sigma$.

# %%
sigmas = np.sort(np.asarray(singular_values(camera([1, 3, 3, 1], 2, (16, 16, 3)))))[::-1]
damp = 0.02
curves = {
    "transpose, $\\sigma^2$": sigmas**2 / sigmas[0] ** 2,
    "damped, $\\sigma^2/(\\sigma^2+\\lambda)$": sigmas**2 / (sigmas**2 + damp),
    "least squares, 1": np.ones_like(sigmas),
}
fig, ax = plt.subplots(figsize=(6, 2.8), layout="constrained")
for (name, curve), style in zip(curves.items(), ("-", "--", ":"), strict=True):
    ax.plot(curve, style, label=name)
ax.set(xlabel="singular vector", ylabel="fraction recovered", ylim=(-0.05, 1.1))
ax.set_title("how much of each component of v is recovered from K v")
ax.legend()
plt.show()
claim("singular values differ: no multiple of K^T inverts K", sigmas[0] > 3 * sigmas[-1])

# %% [markdown]
# ## 3. Deblurring
#
# Now stride 1 and a wide blur. $K$ is square, so one might hope for an inverse, and the
# pseudo-inverse *is* one if no singular value is zero. But the smallest are tiny, the noise is
# divided by them, and the exact inverse is the worst of all. Damping, the Wiener filter, and
# stopping an iteration early are three ways to leave out what was lost.

# %%
K = camera([1, 6, 15, 20, 15, 6, 1], 1, v.shape)
u = K @ v + sigma * jax.random.normal(key, K.output_shape)
deblurred = restore(K, u, sigma, 40)
quality = compare(v, u, deblurred, "deblurring")

# %%
measured = psnr(u, v)
print(f"u itself: {measured:.1f} dB")
claim("the transpose blurs again: worse than doing nothing", quality["transpose"] < measured)
claim("so is the exact inverse, which amplifies the noise", quality["least squares"] < measured)
regular = min(quality[name] for name in ("damped", "Wiener", "Richardson-Lucy"))
claim("the three that take noise into account are better than u", regular > measured + 1)

# %% [markdown]
# ## 4. With zeros at the border
#
# Photographs are not circular. With zero padding there is no exact filter, but `lstsq` needs only
# $K$ and $K^T$; the filter of a similar circular operator is still a good preconditioner.

# %%
w = jnp.repeat(
    jnp.asarray(np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64, jnp.float32)[..., None, None], 3, -1
)
K = ConvOperator(w, v.shape, stride=2, padding=1, groups=3)
u = K @ v
plain = lstsq(K, u, damp=1e-3, method="cg", tolerance=1e-5)
helped = lstsq(K, u, damp=1e-3, preconditioner="polyphase", tolerance=1e-5)
print(f"plain: {int(plain.steps)} steps; polyphase preconditioner: {int(helped.steps)} steps")
claim("both converge, to the same image", bool(plain.converged & helped.converged))
claim("up to the tolerance", distance(plain.value, helped.value) < 1e-2)
claim("the preconditioner saves steps", helped.steps < plain.steps)

# %% [markdown]
# ## What we claimed
#
# $K^T$ multiplies by the singular values once more; an inverse divides by them. Components with
# singular value 0 are lost; those with a small one are better damped.

# %%
assert len(claims) == 17
assert all(claims.values()), [text for text, holds in claims.items() if not holds]
print(f"all {len(claims)} claims hold")
