# %% [markdown]
# # 01 The linear map
#
# You know how to slide a filter over an image. Transposed convolution is hard to picture that
# way, and there is no need to: **a convolution is a matrix, and its transposed convolution is the
# transpose of that matrix.** Once the matrix is written down, nothing is left to guess.
#
# So we write it down, entry by entry, for two small examples that are often taught: a 3x3 image
# with a 2x2 filter (from a blog post, "Deconvolutions") and a 4x4 image with a 3x3 filter (from
# lecture slides). Both texts contain a few slips, the kind that all of us make and that cost a
# reader an evening. Each is corrected once, under **Slip**; you do not need the texts.
#
# Notation: $v$ is the input of the convolution $K$, $u$ its output, $w$ the filter or kernel. The
# data are small integers, so every comparison below is exact: `==`, no tolerance. Each claim is
# checked on the spot; the last cell asserts them all.

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np

from jaxdeconv import ConvGeometry, conv, conv_transpose, kernel_gradient, plot
from jaxdeconv.reference import coordinates, loops

plt.rcParams.update({"figure.dpi": 100, "font.size": 9, "axes.titlesize": 10})
claims = {}


def claim(text, holds):
    """Record a claim, and whether it holds."""
    claims[text] = bool(holds)
    print("holds:" if holds else "FAILS:", text)


def same(*arrays):
    """Same shape and same entries, exactly."""
    return all(np.array_equal(arrays[0], other) for other in arrays[1:])


def show(entries):
    """Print a matrix of symbols or numbers, with dots for the zeros."""
    cells = [["." if entry == 0 else str(entry) for entry in row] for row in np.asarray(entries)]
    width = max(len(cell) for row in cells for cell in row)
    print("\n".join(" ".join(cell.rjust(width) for cell in row) for row in cells))


def matrix(w, size, **how):
    """The library's matrix of a convolution of one channel."""
    w = np.asarray(w)
    return coordinates.matrix(w[..., None, None], ConvGeometry(size, w.shape, **how))


def plain(leg, signal, w, **how):
    """`conv` or `conv_transpose` of one channel: adds the channel axes and removes them."""
    signal, w = np.asarray(signal, np.float32), np.asarray(w, np.float32)
    return leg(signal[..., None], w[..., None, None], **how)[..., 0]


# %% [markdown]
# ## 1. A 3x3 image and a 2x2 filter
#
# The convolution of deep learning, with the indices from 1 as the blog post writes them:
#
# $$ z_{ij} = \sum_{l=1}^{t}\sum_{k=1}^{t} w_{lk}\, x_{i-1+l,\;j-1+k}. $$
#
# Every cell of $z$ is a weighted sum of cells of $x$. Write $x$ as one long column $\tilde x$, row
# after row, and $z$ likewise: then every cell of $z$ corresponds to one row of a matrix $V$ with
# $\tilde z = V \tilde x$, and the formula says where in that row the weights are.

# %%
n, t = 3, 2
W = np.array([["w11", "w12"], ["w21", "w22"]], dtype=object)
V = np.zeros(((n - t + 1) ** 2, n**2), dtype=object)
for row, (i, j) in enumerate(itertools.product(range(n - t + 1), repeat=2)):
    for a, b in itertools.product(range(t), repeat=2):
        V[row, (i + a) * n + (j + b)] = W[a, b]
show(V)

# %% [markdown]
# The library builds the same matrix for any geometry: `reference.coordinates.matrix`, from nothing
# but the relation between the indices. It takes symbols as well as numbers.

# %%
claim("V, entry by entry, is the library's matrix", same(V, matrix(W, (3, 3))))
claim("every row of V has every weight once", all(sorted(r[r != 0]) == [*W.flat] for r in V))

# %% [markdown]
# > **Slip.** The blog post prints $w_{2,1}\; w_{2,1}$ where each row reads $w_{2,1}\; w_{2,2}$.
#
# Now look at where the rows start. Moving the window one cell to the right shifts the row by one.
# A line of the image has $n-t+1$ positions for the window, so after $n-t+1$ rows the window jumps
# to the next line, and the row shifts by $t$ instead.
#
# > **Slip.** The blog post says that the first $t$ rows shift by one. It is the first $n-t+1$
# > rows; for $n=3$, $t=2$ the two numbers happen to be equal, which hides it. (And since the image
# > is unrolled row after row, it is the *column* index $j$ that grows first.)


# %%
def starts(n, t):
    """The column in which each row of the matrix starts."""
    return matrix(np.ones((t, t), int), (n, n)).argmax(axis=1)


for n, t in [(3, 2), (4, 2), (5, 3)]:
    print(f"n={n} t={t}: rows start at", *starts(n, t))
right = [
    same(starts(n, t), [i * n + j for i in range(n - t + 1) for j in range(n - t + 1)])
    for n, t in itertools.product(range(1, 8), repeat=2)
    if t <= n
]
claim("rows shift by 1, and by t after every n-t+1 rows", all(right))

# %% [markdown]
# Now numbers. The filter is deliberately asymmetric: a symmetric one hides half of all mistakes.

# %%
w = np.array([[1, 2], [3, 5]])
x = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 10]])
V = matrix(w, (3, 3))
z = (V @ x.ravel()).reshape(2, 2)
show(z)
claim("V x, reshaped, is the convolution", same(z, plain(conv, x, w)))

# %% [markdown]
# ## 2. The transpose, and where the flip hides
#
# The map from 4 cells to 9 is $V^T$, and that is the whole definition of transposed convolution.
# `conv_transpose` takes *the same filter* as `conv`: nothing to flip, nothing to swap.

# %%
back = (V.T @ z.ravel()).reshape(3, 3)
show(back)
claim("conv_transpose with the same w is V^T", same(back, plain(conv_transpose, z, w)))

fig, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained", width_ratios=(9, 5))
plot.matrix(axes[0], V, "V: from the image to its feature map")
plot.matrix(axes[1], V.T, "its transpose: and back")
plt.show()

# %% [markdown]
# Can $V^T$ be written as a sliding window? Yes: put a border of $t-1$ zeros around $z$ and slide a
# filter over it. Cell $x_{ab}$ receives $w_{lk}\,z_{ij}$ from $i = a+1-l$, $j = b+1-k$: the larger
# the index of the weight, the *smaller* that of the cell. So the window has the filter **flipped**
# in both directions.


# %%
def slide(z, w):
    """Slide w over z with a border of zeros."""
    t = len(w)
    padded = np.pad(z, t - 1)
    size = len(padded) - t + 1
    starts = itertools.product(range(size), repeat=2)
    return np.array([(w * padded[i : i + t, j : j + t]).sum() for i, j in starts]).reshape(size, -1)


flipped = w[::-1, ::-1]
print("the flipped filter:")
show(slide(z, flipped))
print("the filter as it is:")
show(slide(z, w))
claim("V^T z slides the flipped filter over the padded z", same(back, slide(z, flipped)))
claim("the filter as it is gives another answer", not same(back, slide(z, w)))

# %% [markdown]
# > **Slip.** The blog post slides the *original* filter, and an aside in it replaces $V^T$ by the
# > "antitranspose" (the mirror image of $V$ in its other diagonal). The two belong together:
# > sliding the original filter *is* the antitranspose. Neither is needed. $V^T$ was right, and the
# > flip appears only when $V^T$ is written as a sliding window.

# %%
anti = V.T[::-1, ::-1]
claim("the filter as it is gives the antitranspose", same(slide(z, w).ravel(), anti @ z.ravel()))
even = matrix(w + flipped, (3, 3))
claim("for a filter equal to its flip the two are the same", same(even.T, even.T[::-1, ::-1]))

# %% [markdown]
# ## 3. A 4x4 image and a 3x3 filter
#
# The lecture slides count from 0, as Python does. Their matrix is 4x16.

# %%
W = np.array([[f"w{row}{column}" for column in range(3)] for row in range(3)], dtype=object)
C = matrix(W, (4, 4))
show(C)
claim(
    "C is 4x16, its rows start at 0, 1, 4, 5",
    C.shape == (4, 16) and [*starts(4, 3)] == [0, 1, 4, 5],
)

# %% [markdown]
# > **Slip.** On the slides, row 3 (the last) begins with 4 zeros like the row above it. Its window
# > is one cell further right, so there are 5. (The first row has lost its last zero, too.)
#
# **How large is the output?** With padding $p$ on both sides and stride $s$, the filter's left edge
# may be at $0, s, 2s, \dots$ as long as its right edge is inside. Count those positions:
#
# $$ \left\lfloor \frac{n + 2p - f}{s} + 1 \right\rfloor. $$
#
# > **Slip.** The slides print this once with a floor and once with bars, $|\cdot|$. It is the
# > floor: a position where only part of the filter fits does not count.

# %%
right = []
print(" n  p  f  s   counted  floor   bars")
for n, p, f, s in [(4, 0, 3, 1), (5, 1, 3, 2), (6, 1, 3, 2), (8, 2, 5, 3), (32, 3, 7, 4)]:
    counted = sum(start + f <= n + 2 * p for start in range(0, n + 2 * p, s))
    floor, bars = (n + 2 * p - f) // s + 1, abs((n + 2 * p - f) / s + 1)
    print(f"{n:2} {p:2} {f:2} {s:2} {counted:9} {floor:6} {bars:6.4g}")
    right.append(counted == floor == ConvGeometry(n, f, stride=s, padding=p).output_size[0])
claim("the size of the output is the formula with the floor", all(right))

# %% [markdown]
# **Two loops**, as in the slides, are the same map once more. One detail: as in Python, they run
# *up to* the output size, not including it.


# %%
def two_loops(A, w, s):
    """The textbook algorithm; A is the padded image."""
    f = len(w)
    rows, columns = ((size - f) // s + 1 for size in A.shape)
    output = np.zeros((rows, columns), w.dtype)
    for i in range(rows):
        for j in range(columns):
            start_row, start_col = i * s, j * s
            output[i, j] = np.sum(w * A[start_row : start_row + f, start_col : start_col + f])
    return output


w = np.array([[1, 2, -3], [4, -5, 7], [2, 6, 9]])
v = np.arange(16).reshape(4, 4) ** 2 % 11
C = matrix(w, (4, 4))
u = two_loops(v, w, s=1)
by_reference = loops.conv(v[None, ..., None], w[..., None, None], ConvGeometry((4, 4), 3))
show(u)
claim("the two loops are C v", same(u.ravel(), C @ v.ravel()))
claim("so are the library's loops and conv", same(u, by_reference[0, ..., 0], plain(conv, v, w)))
by_2 = two_loops(np.pad(v, 1), w, s=2)
claim("also with padding and stride", same(by_2, plain(conv, v, w, stride=2, padding=1)))

# %% [markdown]
# ## 4. Stride, batch, channels, groups: rows and blocks
#
# None of these needs a new idea: each is a plain operation on the matrix.
#
# **Stride** $s$ keeps every $s$-th position of the window, so it keeps those rows of the stride-1
# matrix and drops the rest. Its transpose spreads $u$ out over those positions (notebook 02).

# %%
stride_1, stride_2 = (matrix([1, 2, 4], 7, stride=s, padding=1) for s in (1, 2))
show(stride_1)
print("with stride 2:")
show(stride_2)
claim("stride s keeps every s-th row", same(stride_2, stride_1[::2]))

# %% [markdown]
# **Batch**: every image has the same matrix, so a batch is block diagonal. **Channels**: one
# block for every pair (output channel, input channel), the matrix of that pair's own filter.
# **Groups**: the blocks between different groups are zero.


# %%
def by_channel(entries, out_channels, in_channels):
    """Reorder a matrix from channels last to channels first, which makes the blocks visible."""
    rows, columns = entries.shape
    shape = rows // out_channels, out_channels, columns // in_channels, in_channels
    cells = entries.reshape(shape)
    return cells.transpose(1, 0, 3, 2).reshape(rows, columns)


w4 = np.arange(1, 49).reshape(3, 4, 4)  # 3 taps, 4 channels in, 4 out
dense = by_channel(coordinates.matrix(w4, ConvGeometry(5, 3)), 4, 4)
pairs = [[matrix(w4[:, c, o], 5) for c in range(4)] for o in range(4)]
claim("channels: a block for every pair", same(dense, np.block(pairs)))

w2 = w4[:, :2]  # 3 taps, 2 channels in per group, 4 out
grouped = by_channel(coordinates.matrix(w2, ConvGeometry(5, 3, groups=2)), 4, 4)
zero = np.zeros((6, 10), int)
one, two = (
    by_channel(coordinates.matrix(half, ConvGeometry(5, 3)), 2, 2) for half in np.split(w2, 2, -1)
)
claim("groups: block diagonal", same(grouped, np.block([[one, zero], [zero, two]])))

batch = np.stack([v, v.T, v[::-1]])
by_blocks = np.kron(np.eye(3, dtype=int), C) @ batch.ravel()
claim("batch: block diagonal", same(by_blocks.reshape(3, 2, 2), plain(conv, batch, w)))

fig, axes = plt.subplots(1, 2, figsize=(8, 3.1), layout="constrained")
plot.matrix(axes[0], dense, "4 channels to 4, one group")
plot.matrix(axes[1], grouped, "4 channels to 4, two groups")
for ax in axes:  # ticks and lines where the blocks of 3x5 begin
    ax.set(xticks=range(0, 20, 5), yticks=range(0, 12, 3))
    ax.hlines([2.5, 5.5, 8.5], -0.5, 19.5, color="0.6", linewidth=0.8)
    ax.vlines([4.5, 9.5, 14.5], -0.5, 11.5, color="0.6", linewidth=0.8)
plt.show()

# %% [markdown]
# ## 5. Linear in the image, linear in the filter
#
# $K(w)v$ is linear in $v$ (it is a matrix) and also in $w$ (the formula is a sum of products).
# Weight the output by $u$, and one number connects three maps:
#
# $$ \langle u, K(w)v\rangle = \langle K(w)^T u, v\rangle = \langle w, G(u,v)\rangle. $$
#
# The second is the transposed convolution, the third the gradient of the filter. Each is the
# transpose of the others, and this identity is a test of any transposed convolution.

# %%
rng = np.random.default_rng(0)
v1, v2 = rng.integers(-9, 10, (2, 6, 6, 2)).astype(np.float32)
w1, w2 = rng.integers(-9, 10, (2, 3, 3, 2, 3)).astype(np.float32)
u = rng.integers(-9, 10, (3, 3, 3)).astype(np.float32)
how = {"stride": 2, "padding": 1}


def K(v, w):
    """The convolution of this section."""
    return conv(v, w, **how)


claim("linear in v", same(K(2 * v1 - 3 * v2, w1), 2 * K(v1, w1) - 3 * K(v2, w1)))
claim("linear in w", same(K(v1, 2 * w1 - 3 * w2), 2 * K(v1, w1) - 3 * K(v1, w2)))
by_conv = int(np.vdot(u, K(v1, w1)))
by_transpose = int(np.vdot(conv_transpose(u, w1, input_size=(6, 6), **how), v1))
by_gradient = int(np.vdot(w1, kernel_gradient(u, v1, kernel_size=(3, 3), **how)))
print(by_conv, by_transpose, by_gradient)
claim("<u, K v> = <K^T u, v> = <w, G(u, v)>", by_conv == by_transpose == by_gradient)

# %% [markdown]
# ## 6. The transpose is not the inverse
#
# $C^T$ restores the *size* of the image, not the image. $C$ has 4 rows, so its rank is at most 4:
# 12 of 16 dimensions are lost, and no map can bring them back. Below is an image that $C$ maps to
# zero: three pixels in the first column. Add it to any image, and the output stays the same.
# (Notebook 05 shows what a least-squares inverse can do.)

# %%
unseen = np.zeros((4, 4), int)
unseen[[0, 1, 3], 0] = w[1, 0] * w[2, 0], -w[0, 0] * w[2, 0], w[0, 0] ** 2
show(unseen)
print("C maps it to:", C @ unseen.ravel())
image = np.arange(16).reshape(4, 4) % 7 + 1
claim("C has rank 4 and 16 columns", np.linalg.matrix_rank(C) == 4)
claim("C^T C is not the identity", not same(C.T @ C, np.eye(16, dtype=int)))
claim("C maps this image to zero", unseen.any() and not (C @ unseen.ravel()).any())
claim("two images, one output", same(C @ image.ravel(), C @ (image + unseen).ravel()))

# %%
there = (C @ image.ravel()).reshape(2, 2)
back = (C.T @ there.ravel()).reshape(4, 4)
fig, axes = plt.subplots(1, 3, figsize=(8, 2.9), layout="constrained")
plot.kernel(axes[0], image, "an image v")
plot.kernel(axes[1], there, "C v")
plot.kernel(axes[2], back, "and back: the size, not the image")
for ax in axes:
    ax.set(xlabel="column", ylabel="row")
plt.show()

# %% [markdown]
# ## What we claimed
#
# A convolution is a matrix; the transposed convolution is its transpose. Notebook 02 computes that
# transpose in four ways that never write the matrix down.

# %%
assert len(claims) == 25
assert all(claims.values()), [text for text, holds in claims.items() if not holds]
print(f"all {len(claims)} claims hold")
