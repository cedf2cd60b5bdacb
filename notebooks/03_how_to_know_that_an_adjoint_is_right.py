# %% [markdown]
# # 03 How to know that an adjoint is right
#
# To solve an inverse problem one writes two functions: a forward operator $A$ and its adjoint
# $A^T$. Whether the second is the adjoint of the first is usually tested with one random pair,
#
# $$\langle u, A v\rangle \approx \langle A^T u, v\rangle,$$
#
# and an arbitrary tolerance. This notebook shows why that test is wrong in both directions, and
# what `jaxdeconv.verify` does instead. `verify` knows nothing of convolutions: the operators here
# are ordinary user code. One of them is wrong; `verify` finds it and names the mistake.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from flax import nnx
from matplotlib import cbook
from PIL import Image

from jaxdeconv import conv, conv_transpose, plot, verify

plt.rcParams.update({"figure.dpi": 100, "font.size": 9, "axes.titlesize": 10})
claims = {}


def claim(text, holds):
    """Record a claim, and whether it holds."""
    claims[text] = bool(holds)
    print("holds:" if holds else "FAILS:", text)


def summary(report):
    """Print a report without the numbers that differ between machines."""
    print(f"{report.question}: {report.status.upper()}")
    for line in report.evidence:
        chance = "" if line.false_acceptance is None else f", P <= {line.false_acceptance:.0e}"
        print(f"  {line.name:16} {line.status:13} {line.forward:4} A {line.backward:4} At{chance}")
    if report.place:
        print("  place:    ", report.place)
        print(" ", report.explanation)


def floats(*shape):
    """A space of float32 arrays."""
    return jax.ShapeDtypeStruct(shape, "float32")


# %% [markdown]
# ## 1. One random pair and a tolerance
#
# First a correct operator: cumulative sums and their adjoint, in float32. The usual test compares
# the two inner products with a relative tolerance of $10^{-6}$. They can be small by cancellation
# while the rounding errors are not, so by bad luck it rejects *correct* operators.
#
# Then a wrong one: a difference operator whose adjoint omits one entry of a thousand. The test
# with the tolerance $10^{-1}$, which people turn to when the first one fails, accepts it.

# %%


def usual_test(A, At, n, m, tolerance, seed):
    """One random pair; whether the inner products agree within the tolerance."""
    rng = np.random.default_rng(seed)
    v, u = rng.standard_normal(n, np.float32), rng.standard_normal(m, np.float32)
    left, right = np.vdot(np.asarray(A(v)), u), np.vdot(v, np.asarray(At(u)))
    return bool(abs(left - right) <= tolerance * max(abs(left), abs(right)))


n = 1000
smooth, smooth_t = jnp.cumsum, lambda u: jnp.cumsum(u[::-1])[::-1]
step, wrong_t = (
    lambda v: v[1:] - v[:-1],
    lambda u: jnp.pad(u, (1, 0)) - jnp.pad(u, (0, 1)).at[7].set(0),
)
refused = sum(not usual_test(smooth, smooth_t, n, n, 1e-6, seed) for seed in range(40))
accepted = sum(usual_test(step, wrong_t, n, n - 1, 1e-1, seed) for seed in range(40))
claim("the strict tolerance rejects a correct pair in some runs of 40", refused > 0)
claim("the loose tolerance accepts a wrong pair in some runs of 40", accepted > 0)
claim("verify accepts the correct one", verify.adjoint(smooth, smooth_t, floats(n), key=0).ok)
report = verify.adjoint(step, wrong_t, floats(n), key=0)
claim("verify rejects the wrong one", report.status == "fail")
summary(report)

# %% [markdown]
# No tolerance was involved. The probes are small integers, on which no partial sum of these
# functions can round, whatever the order of summation: the two inner products must be *equal*. A
# wrong pair passes 8 x 8 such probes of 16 values with a probability below $10^{-9}$, by the
# Schwartz-Zippel lemma. Then every entry of both matrices is recovered and compared; since the
# wrong entry is known, so is its likely cause.
#
# ## 2. A sum along rays
#
# A toy Radon transform: for each angle the picture is sheared by whole cells, and its columns are
# summed. The adjoint adds every sum to the cells along its ray. Both use explicit index
# arithmetic.

# %%
size, slopes = 48, np.linspace(-1, 1, 31)
rows = np.arange(size)
with Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as photograph:
    picture = np.asarray(photograph.convert("L").resize((size, size)), np.float32)
offsets = np.rint(slopes[:, None] * (rows - size // 2)).astype(int)  # [angle, row]
bins = 2 * size
targets = np.arange(size) + size // 2 + offsets[..., None]  # [angle, row, column] -> detector bin


def radon(image):
    """[row, column] -> [angle, bin]."""
    sums = jnp.zeros((len(slopes), bins), image.dtype)
    angle = np.arange(len(slopes))[:, None, None]
    return sums.at[angle, targets].add(jnp.broadcast_to(image, (len(slopes), *image.shape)))


def back_projection(sums):
    """[angle, bin] -> [row, column]."""
    angle = np.arange(len(slopes))[:, None, None]
    return sums[angle, targets].sum(0)


report = verify.adjoint(radon, back_projection, floats(size, size), key=0)
claim("the back projection is the adjoint of the rays", report.ok)
summary(report)

fig, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
sinogram = radon(jnp.asarray(picture))
for ax, data, title in zip(
    axes,
    (picture, sinogram, back_projection(sinogram)),
    ("v", "A v: sums along rays", "A$^T$A v: back projection"),
    strict=True,
):
    ax.imshow(data, cmap="gray", aspect="auto")
    ax.set_title(title)
plt.show()

# %% [markdown]
# ## 3. A step of a wavelet transform
#
# The Haar step divides by $\sqrt 2$, which is not a float: integer probes do round here. `verify`
# derives this from the jaxpr, says so, and uses a derived bound on the rounding instead; every
# entry is still recovered and compared.

# %%


def haar(v):
    """Averages, then details."""
    pairs = v.reshape(-1, 2)
    return jnp.concatenate([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]]) / np.sqrt(
        2.0, dtype=v.dtype
    )


def haar_back(u):
    """Its adjoint, which is its inverse: the step is orthogonal."""
    average, detail = jnp.split(u, 2)
    return jnp.stack([average + detail, average - detail], 1).ravel() / np.sqrt(2.0, dtype=u.dtype)


report = verify.adjoint(haar, haar_back, floats(64), key=0)
claim("the Haar step passes", report.ok)
claim("by a rounding bound, not by equality", {e.name for e in report.evidence} >= {"rounding"})
summary(report)

# %% [markdown]
# ## 4. A resampling: the wrong one
#
# Upsampling by two with linear interpolation. Its author took the downsampling that undoes it for
# its adjoint: keep every second cell. It looks right, and the shapes agree.

# %%
coarse = 16


def upsample(v):
    """The cells, with the means of neighbours between them."""
    between = (v[1:] + v[:-1]) / 2
    return jnp.zeros(2 * v.size - 1, v.dtype).at[::2].set(v).at[1::2].set(between)


def downsample(u):
    """Every second cell."""
    return u[::2]


report = verify.adjoint(upsample, downsample, floats(coarse), key=0)
summary(report)
claim("found", report.status == "fail")
claim("and named, among the likely causes", "inverse instead of transpose" in report.explanation)


def spread_back(u):
    """The adjoint: the cells, plus half of each value between them for either neighbour."""
    half = jnp.pad(u[1::2], 1) / 2
    return u[::2] + half[1:] + half[:-1]


claim("fixed", verify.adjoint(upsample, spread_back, floats(coarse), key=0).ok)


def matrix(function, cells):
    """The matrix of a linear function of a vector."""
    return np.asarray(jax.vmap(function)(jnp.eye(cells))).T


fig, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
right = matrix(upsample, coarse).T
plot.matrix(axes[0], right, "the transpose of A")
plot.matrix(axes[1], matrix(downsample, 2 * coarse - 1), "the wrong adjoint")
plot.matrix(axes[2], right - matrix(downsample, 2 * coarse - 1), "missing")
plt.show()

# %% [markdown]
# ## 5. A circulant by FFT, and a missing conjugate
#
# Convolution with periodic borders: multiply the spectra. The adjoint multiplies by the
# *conjugate* spectrum. Without the conjugate it is the forward map again, each column mirrored.

# %%
kernel = np.zeros(32, np.float32)
kernel[:3] = 1, 2, 4
spectrum = np.fft.fft(kernel).astype(np.complex64)


def circulant(v):
    return jnp.fft.ifft(spectrum * jnp.fft.fft(v)).real


def adjoint_of_circulant(u):
    return jnp.fft.ifft(spectrum.conj() * jnp.fft.fft(u)).real


report = verify.adjoint(circulant, adjoint_of_circulant, floats(32), key=0)
claim("with the conjugate spectrum it passes", report.ok)
report = verify.adjoint(circulant, circulant, floats(32), key=0)
claim("without it, it fails", report.status == "fail")
print(report.explanation)

# %% [markdown]
# ## 6. A layer of a network
#
# A layer with fixed parameters is a function like any other. `flax.nnx.Conv` adds a bias, so it is
# not linear but affine. `verify` checks that first, and names the operation: transposing the layer
# with `jax.vjp` would have dropped the bias silently.

# %%
layer = nnx.Conv(2, 4, (3, 3), strides=2, padding=1, rngs=nnx.Rngs(0))
layer.bias[...] = jnp.arange(1.0, 5.0)
space = floats(1, 9, 8, 2)
report = verify.linearity(layer, space, key=0)
claim("a layer with a bias is not linear", report.status == "fail")
print(report.of("linear: A").text.split(";")[0].split(" at ")[0])

layer.bias[...] = jnp.zeros(4)
kernel = layer.kernel[...]
geometry = {"stride": 2, "padding": 1}
report = verify.adjoint(
    layer, lambda u: conv_transpose(u, kernel, input_size=(9, 8), **geometry), space, key=0
)
claim("with a zero bias it is, and conv_transpose is its adjoint", report.ok)
summary(report)

# %% [markdown]
# ## 7. All kernels at once
#
# That was one kernel. If the kernel is an argument, the whole family is checked: both functions
# are linear in it too, and a wrong family is found by random integer kernels.

# %%
report = verify.adjoint_family(
    lambda w, v: conv(v, w, **geometry),
    lambda w, u: conv_transpose(u, w, input_size=(9, 8), **geometry),
    floats(3, 3, 2, 4),
    space,
    key=0,
)
claim("conv_transpose is the adjoint of conv, whatever the kernel", report.ok)
print(f"chance that a wrong family passes: below {report.of('exact').false_acceptance:.0e}")

# %% [markdown]
# ## 8. Every entry with 21 probes
#
# Recovering every entry seems to take one probe per cell. But the matrix of a convolution is
# sparse: inputs that share no output can be probed together. State where entries may be, and the
# number of probes depends on the *kernel*, not on the image: 12 forward and 9 transposed ones
# check every entry of this grouped, strided, dilated convolution, at any image size. The exact
# probes show that no entry lies outside the pattern.

# %%
height, width = 100, 120
w = jnp.asarray(np.random.default_rng(0).integers(-3, 4, (3, 2, 2, 6)), jnp.float32)
geometry = {"stride": (2, 3), "dilation": (2, 1), "groups": 2}


def A(v):
    return conv(v, w, **geometry)


def At(u):
    return conv_transpose(u, w, input_size=(height, width), **geometry)


out = jax.eval_shape(A, floats(height, width, 4)).shape
pattern = verify.Pattern(
    (
        verify.window(height, out[0], 3, stride=2, dilation=2),
        verify.window(width, out[1], 2, stride=3),
        verify.blocks(4, 6, 2),
    )
)
print("probes:", pattern.count, "forward,", pattern.transpose.count, "transposed")
report = verify.adjoint(A, At, floats(height, width, 4), pattern=pattern, key=0)
claim("12 + 9 probes", (pattern.count, pattern.transpose.count) == (12, 9))
claim("every entry is checked", report.of("every entry").status == "pass")
summary(report)

# %% [markdown]
# ## In a test suite
#
#     from jaxdeconv import verify
#     verify.assert_adjoint(A, At, jax.ShapeDtypeStruct((64, 64), "float32"))
#
# raises an `AssertionError` with the report as its message, unless everything passes. An
# inconclusive report counts as a failure. `print(report)` says in a sentence what was proved, or
# where the pair is wrong and why; `print(report.details())` is a table of all evidence. pytest has
# a fixture `assert_adjoint` with the same arguments: new probes in every session, and on failure
# the seed that repeats it. On the command line, `jaxdeconv verify mymodule:pair` prints the report
# (the table with `--details`, JSON with `--json`), and the exit status is the result.
#
# ## What we claimed

# %%
assert len(claims) == 17
assert all(claims.values()), [text for text, holds in claims.items() if not holds]
print(f"all {len(claims)} claims hold")
