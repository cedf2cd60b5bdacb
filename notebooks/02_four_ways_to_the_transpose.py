# %% [markdown]
# # 02 Four ways to the transpose
#
# Notebook 01 wrote a convolution $K$ as a matrix $C$ and transposed it. Nobody does that for a
# real image: the matrix is huge and nearly empty. Here are four ways to compute $K^T u$ without
# it, and the formula behind them all:
#
# 1. **derive** it: let JAX transpose the linear map $v \mapsto K v$;
# 2. convolve a **dilated input**: put zeros between the values of $u$, flip the kernel, convolve;
# 3. **overlap-add**: add every $u_y$ times the kernel to the result, at $s\,y$;
# 4. **probe with deltas**: solve $\langle u, K v\rangle = \langle K^T u, v\rangle$ cell by cell.
#
# They look so different that people argue about which one transposed convolution "really" is. All
# are the same map: the numbers below agree exactly, `==`. Sections 5 and 6 follow a note on the
# subject, and correct two slips in it; you do not need the note.
#
# As before, $v$ is the input of $K$, $u$ its output, $w$ the kernel, always the *same* $w$. Stride
# $s$, padding $p$ and so on are those of $K$.

# %%
import itertools

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxdeconv import ConvGeometry, conv, conv_transpose, plot, possible_input_sizes, reference
from jaxdeconv.boundary import source_index

plt.rcParams.update({"figure.dpi": 100, "font.size": 9, "axes.titlesize": 10})
COLORS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7"]  # safe for colour-blind eyes (Okabe, Ito)
claims = {}


def claim(text, holds):
    """Record a claim, and whether it holds."""
    claims[text] = bool(holds)
    print("holds:" if holds else "FAILS:", text)


def same(*arrays):
    """The same entries in the same order, exactly."""
    return all(np.array_equal(np.ravel(arrays[0]), np.ravel(other)) for other in arrays[1:])


def show(name, x):
    """Print a signal, whole numbers in columns."""
    print(f"{name:26}", *(f"{int(cell):3}" for cell in np.ravel(x)))


def matrix(w, size, **how):
    """The library's matrix of a convolution of one channel, entry by entry."""
    w = np.asarray(w)
    return reference.coordinates.matrix(w[..., None, None], ConvGeometry(size, w.shape, **how))


# %% [markdown]
# The example: a signal $v$ of 7 cells, a kernel of 3 taps (asymmetric, so that no flip goes
# unnoticed), stride 2, padding 1. So $u$ has 4 cells, and $C$ is 4x7. Its transpose gives us the
# answer that every method has to find.

# %%
u, w = np.array([1, 3, 2, 4]), np.array([2, 5, 1])
n, s, p = 7, 2, 1
C = matrix(w, n, stride=s, padding=p)
print(C)
answer = C.T @ u
show("K^T u, by the matrix", answer)

# The library's arrays carry channels (here 1): u [4, 1], w [3, 1, 1].
U, W = jnp.asarray(u[:, None], jnp.float32), jnp.asarray(w[:, None, None], jnp.float32)
geometry = ConvGeometry(n, 3, stride=s, padding=p)

# %% [markdown]
# ## 1. Derive it
#
# $K$ is linear in $v$, and JAX can transpose linear functions. `jax.linear_transpose` asks only
# for the shape of $v$. `jax.vjp` is the same thing under another name: the derivative of a linear
# map is the map itself, whatever the point, and the vector-Jacobian product is its transpose. This
# is also why backpropagation through a convolution *is* a transposed convolution.
#
# In this library this is the **definition**: it is derived, so there is nothing to get wrong.


# %%
def K(v):
    """The forward map of the example."""
    return conv(v, W, stride=s, padding=p)


(by_transpose,) = jax.linear_transpose(K, jax.ShapeDtypeStruct((n, 1), jnp.float32))(U)
_, pull_back = jax.vjp(K, jnp.full((n, 1), 17.0))  # any point will do
(by_vjp,) = pull_back(U)
show("linear_transpose", by_transpose)
show("vjp", by_vjp)
claim("linear_transpose gives C^T u", same(answer, by_transpose))
claim("vjp gives C^T u, at any point", same(answer, by_vjp))
claim("so does conv_transpose", same(answer, conv_transpose(U, W, stride=s, padding=p)))

# %% [markdown]
# ## 2. Convolve a dilated input
#
# A transposed convolution is still a convolution, with stride **1**, of a prepared signal. With a
# kernel of $f$ taps:
#
# * dilate: put $s-1$ zeros between the cells of $u$, so that $u_y$ is at $s\,y$;
# * pad: $f-1-p$ zeros before, and after it as many as make the result $n$ long;
# * flip the kernel; convolve.
#
# On the dilated signal a step of one cell is $1/s$ of the distance between two values of $u$:
# hence the name "fractionally strided convolution".

# %%
taps = len(w)
dilated = np.zeros(s * (len(u) - 1) + 1, int)
dilated[::s] = u
padded = np.pad(dilated, (taps - 1 - p, n + p - len(dilated)))
flipped = w[::-1]
convolved = np.array([(padded[x : x + taps] * flipped).sum() for x in range(n)])
show("u", u)
show("dilated", dilated)
show("padded", padded)
show("flipped kernel", flipped)
show("convolved", convolved)
by_library = reference.dilated.transpose(U[None], W, geometry)
claim("dilate, pad, flip, convolve gives C^T u", same(answer, convolved, by_library))
unflipped = [(padded[x : x + taps] * w).sum() for x in range(n)]
claim("without the flip it is another map", not same(answer, unflipped))

# %% [markdown]
# ## 3. Overlap-add
#
# A convolution takes the inner product of the kernel and a window of the signal. Its transpose
# multiplies the kernel by one value, and adds that to the window. With stride 2, picture the grid
# of $u$ stretched by two while the kernel keeps its size: neighbours in $u$ add their kernels two
# cells apart. The canvas is the padded $v$; at the end the padding is cropped.

# %%
canvas = np.zeros((len(u), n + 2 * p), int)
for y in range(len(u)):
    canvas[y, s * y : s * y + taps] = u[y] * w
    show(f"u[{y}] = {u[y]}, added at {s * y}", canvas[y])
show("sum", canvas.sum(0))
added = canvas.sum(0)[p:-p]
show("padding cropped", added)
by_library = reference.scatter.transpose(U[None], W, geometry)
claim("overlap-add gives C^T u", same(answer, added, by_library))

# %%
fig, (grid, bars) = plt.subplots(
    2, 1, figsize=(7, 4.2), sharex=True, layout="constrained", height_ratios=(1, 2.4)
)
x = np.arange(-p, n + p)
for y, color in enumerate(COLORS):
    grid.annotate("", (s * y, 0), (y, 1), arrowprops={"arrowstyle": "->", "color": color})
    grid.text(y, 1.35, f"u[{y}]={u[y]}", ha="center")
    grid.plot([y, s * y], [1, 0], "s", color=color, markersize=9)
    bars.bar(x, canvas[y], 0.85, canvas[:y].sum(0), color=color, label=f"u[{y}] * w")
for edge in (-1, n):
    bars.axvspan(edge - 0.5, edge + 0.5, color="0.9", zorder=0)
    bars.text(edge, 14, "crop", ha="center", va="center")
grid.plot(x, 0 * x, "|", color="0.5", zorder=0)
grid.set(ylim=(-0.4, 1.9), yticks=[0, 1], yticklabels=["stretched grid", "grid of u"])
bars.set(xlabel="x, cell of v", ylabel="value", xticks=x, xlim=(-1.5, n + 0.5), ylim=(0, 26))
bars.legend(ncols=4, loc="upper center")
grid.set_title("stride 2: the grid is stretched, the kernel is not")
plt.show()

# %% [markdown]
# In two dimensions the picture is the same. Each value of a 3x3 $u$ has one 3x3 kernel, centred at
# the value's position on the stretched grid. The number in a cell says how many kernels overlap
# there. It is uneven because 2 does not divide 3: this is where the "checkerboard" of generated
# images comes from. A kernel whose size is a multiple of the stride covers the interior evenly.


# %%
def covered(size, kernel, stride):
    """How many kernels cover each cell: the transpose applied to ones."""
    ones = jnp.ones((size, size, 1)), jnp.ones((kernel, kernel, 1, 1))
    return np.asarray(conv_transpose(*ones, stride=stride)[..., 0], int)


overlaps = covered(3, 3, 2)
counted = np.zeros((7, 7), int)
for i, j in itertools.product(range(3), repeat=2):
    counted[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += 1
claim("in 2-D kernels lie 2 apart on the stretched grid", same(counted, overlaps))
claim("3 taps, stride 2: uneven inside", set(np.unique(overlaps[2:-2, 2:-2])) == {1, 2, 4})
claim("4 taps, stride 2: even inside", set(np.unique(covered(4, 4, 2)[2:-2, 2:-2])) == {4})

fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.8), layout="constrained", sharex=True, sharey=True)
axes[1].imshow(overlaps, cmap="Greys", vmin=0, vmax=12, extent=(-1.5, 5.5, 5.5, -1.5))
for (i, j), count in np.ndenumerate(overlaps):
    axes[1].text(j - 1, i - 1, count, ha="center", va="center")
for number, (i, j) in enumerate(itertools.product(range(3), repeat=2)):
    color, half = COLORS[(i % 2) * 2 + j % 2], 1.44 - 0.04 * (number % 4)
    axes[0].plot(j, i, "s", color=color, markersize=12)
    axes[1].plot(2 * j, 2 * i, "s", color=color, markersize=16, alpha=0.4)
    box = {"width": 2 * half, "height": 2 * half, "edgecolor": color, "linewidth": 2}
    axes[1].add_patch(plt.Rectangle((2 * j - half, 2 * i - half), fill=False, **box))
axes[0].set(title="the grid of u", xlabel="column", ylabel="row", aspect="equal")
axes[1].set(title="stretched by 2, under its kernels", xlabel="column")
axes[1].set(xticks=range(-1, 6), yticks=range(-1, 6))
plt.show()

# %% [markdown]
# ## 4. Probe with deltas
#
# Suppose we can only *apply* $K$. The transpose is the map with $\langle u, K v\rangle = \langle
# K^T u, v\rangle$ for all $v$. Choose for $v$ the delta $\delta_x$, 1 in cell $x$ and 0 elsewhere:
# the right side becomes the single number $(K^T u)_x$, and so
#
# $$ (K^T u)_x = \langle u, K \delta_x \rangle. $$

# %%
probed = []
for x, delta in enumerate(np.eye(n)):
    response = np.ravel(K(jnp.asarray(delta[:, None], jnp.float32))).astype(int)
    probed.append(u @ response)
    print(f"K delta_{x} = {response}   <u, K delta_{x}> = {probed[-1]}")
by_library = reference.probing.transpose(U[None], W, geometry)
claim("probing with deltas gives C^T u", same(answer, probed, by_library))

# %% [markdown]
# ## 5. The formula behind them all
#
# The responses above are the columns of $C$. Its entries have one formula. Centre the kernel: let
# $k(z)$ be zero outside $[-m, m]$ (here $m = 1$). Then
#
# $$ C_{ij} = k(s\,y_i - x_j), \qquad (Kv)(y) = \sum_x k(s\,y - x)\,v(x), \qquad
#    (K^T u)(x) = \sum_y k(s\,y - x)\,u(y). $$
#
# $K$ and $K^T$ have the same numbers $k(s\,y - x)$; only the index of summation differs.
#
# Note one thing. In code, tap $t$ of $w$ reads cell $x = s\,y + t - p$, hence $t = x - s\,y + p$;
# with $p = m$ this says $k(z) = w_{m-z}$: **$k$ is $w$ flipped.** This is the convolution of
# mathematics, $k(s\,y - x)$, where deep learning has $w$ at $x - s\,y$. Both are the same matrix.

# %%
m = 1
k = {z: w[m - z] for z in range(-m, m + 1)}  # k(z), and 0 elsewhere
not_flipped = {z: w[m + z] for z in range(-m, m + 1)}
show("k(-1), k(0), k(1)", [*k.values()])
show("w", w)


def entries(k):
    """The matrix of the formula."""
    return np.array([[k.get(s * y - x, 0) for x in range(n)] for y in range(len(u))])


print(entries(k))
claim("C_ij = k(s y_i - x_j), with k the flipped w", same(C, entries(k)))
claim("with w as it is for k, it is not", not same(C, entries(not_flipped)))

# %% [markdown]
# ## 6. Supports
#
# The formula says directly which cells are connected: $|s\,y - x| \le m$.
#
# * **Row** $y$ of $C$ is non-zero for $x \in [s\,y - m,\; s\,y + m]$: as wide as the kernel,
#   shifted by the stride from row to row.
# * **Column** $x$ is non-zero for $y \in [(x-m)/s,\; (x+m)/s]$: a width of $2m/s$ about $x/s$.
#
# > **Slip.** The note says that the second support is $[-m/s, m/s]$. That is the column $x = 0$;
# > every other one is shifted by $x/s$. (And its "normal transpose" there is $K$ itself.)
#
# > **Slip.** For $v$ on $[-N, N]$ the note has $C_{ij} = 0$ for $|y_i| > 2N/s$. True as long as
# > the kernel is no wider than the image, $m \le N$; the bound that always holds is $(N+m)/s$.

# %%
rows, columns, bounds, too_small = [], [], [], []
for stride, reach in itertools.product((1, 2, 3, 4), (0, 1, 2, 3)):
    joined = matrix(np.ones(2 * reach + 1, int), 13, stride=stride, padding=reach)
    for y, x in np.ndindex(joined.shape):
        rows.append(joined[y, x] == (stride * y - reach <= x <= stride * y + reach))
        columns.append(joined[y, x] == ((x - reach) / stride <= y <= (x + reach) / stride))
    for N in range(6):  # now with the origin in the middle of the image
        grid = itertools.product(range(-20, 21), range(-N, N + 1))
        furthest = max(y for y, x in grid if abs(stride * y - x) <= reach)
        bounds.append(furthest == (N + reach) // stride)
        if furthest > 2 * N / stride:
            too_small.append((N, reach))
claim("support of the rows", all(rows))
claim("support of the columns, shifted by x/s", all(columns))
claim("C is zero beyond |y| > (N + m)/s, and not before", all(bounds))
claim("2N/s fails, but only where m > N", too_small and all(m > N for N, m in too_small))

fig, axes = plt.subplots(1, 3, figsize=(9, 3.9), layout="constrained")
row_center, column = 12, 6
for ax, stride in zip(axes, (1, 2, 3), strict=True):
    joined = matrix([1, 2, 3, 4, 5], 17, stride=stride, padding=2)
    plot.matrix(ax, joined, f"stride {stride}, m = 2")
    ax.plot([0, stride * (len(joined) - 1)], [0, len(joined) - 1], color="black", linewidth=1)
    corner = row_center - 2.5, row_center / stride - 0.5
    ax.add_patch(plt.Rectangle(corner, 5, 1, fill=False, linewidth=2))
    low, high = -((2 - column) // stride), (column + 2) // stride
    corner, height = (column - 0.5, low - 0.5), high - low + 1
    ax.add_patch(plt.Rectangle(corner, 1, height, fill=False, linewidth=2, linestyle=":"))
    ax.set(
        xlabel="x", ylabel="y", xticks=range(0, 17, 4), yticks=range(0, len(joined), 4), anchor="N"
    )
fig.suptitle("cells of row y = 12/s (solid box) and of column x = 6 (dotted box); line: x = s y")
plt.show()

# %% [markdown]
# ## 7. Several inputs, one size of output
#
# Because of the floor in the size formula, $s$ sizes of $v$ share one size of $u$: after the last
# window, up to $s-1$ cells are left over. So $u$ alone does not determine the size of $K^T u$;
# each size has its own transpose. Choose one by `input_size`, or by torch's `output_padding`: how
# many cells *more* than the smallest possible size.

# %%
print("u  stride  possible sizes of v (kernel 3, padding 1)")
for size, stride in itertools.product((3, 4), (1, 2, 3)):
    (possible,) = possible_input_sizes(size, 3, stride=stride, padding=1)
    print(f"{size}  {stride:6}  {', '.join(map(str, possible))}")

how = {"stride": s, "padding": p}
to_7, to_8 = (conv_transpose(U, W, input_size=size, **how) for size in (7, 8))
show("input_size=7", to_7)
show("input_size=8", to_8)
claim("size 7 is the transpose of the 4x7 matrix", same(to_7, matrix(w, 7, **how).T @ u))
claim("size 8 is the transpose of the 4x8 matrix", same(to_8, matrix(w, 8, **how).T @ u))
by_padding = conv_transpose(U, W, output_padding=1, **how)
claim("output_padding=1 is input_size=8", same(to_8, by_padding))

# %% [markdown]
# `output_padding` does not pad: cell 7 above is $4 \cdot 1$, not zero. The kernel always reached
# it; the smaller size crops it. An impossible size is an error that lists the possible ones. To
# double a size exactly at stride 2, use 4 taps with padding 1, or 3 taps with `output_padding=1`.

# %%
claim("the additional cell is not zero", int(to_8[-1, 0]) == u[-1] * w[-1] == 4)
try:
    refusal = conv_transpose(U, W, input_size=9, **how)
except ValueError as error:
    refusal = str(error)
print(refusal)
claim("an impossible size is an error that lists the possible ones", "7, 8" in refusal)
by_4_taps = conv_transpose(U, jnp.ones((4, 1, 1)), **how)
claim("4 taps, or 3 and output_padding=1: from 4 to 8", len(by_4_taps) == len(by_padding) == 8)

# %% [markdown]
# ## 8. A border that is not zero
#
# With `padding_mode="reflect"` the border of $v$ mirrors its interior: $K = C P$, where $P$ copies
# cells to the border and $C$ convolves without padding. So $K^T = P^T C^T$: add the kernels to the
# canvas, then **add the border** to the cells that it was copied from. Cropping it would be the
# transpose of another map.

# %%
v_size, border, w5 = 6, 2, np.array([1, 2, 4, 8, 16])
source = source_index(v_size, border, border, "reflect")
P = np.eye(v_size, dtype=int)[source]
C_valid = matrix(w5, v_size + 2 * border)
u6 = np.array([1, 2, 3, 5, 1, 2])
how = {"padding": border, "padding_mode": "reflect"}
U6, W5 = jnp.asarray(u6[:, None], jnp.float32), jnp.asarray(w5[:, None, None], jnp.float32)
like_v = jax.ShapeDtypeStruct((v_size, 1), jnp.float32)
(derived,) = jax.linear_transpose(lambda v: conv(v, W5, **how), like_v)(U6)
canvas = C_valid.T @ u6
show("copied from cell", source)
show("canvas, C^T u", canvas)
show("border cropped", canvas[border:-border])
show("border added", P.T @ canvas)
claim("reflect: K^T = P^T C^T", same(P.T @ canvas, derived, conv_transpose(U6, W5, **how)))
claim("cropping the border is another map", not same(derived, canvas[border:-border]))

fig, axes = plt.subplots(1, 2, figsize=(7, 4), layout="constrained")
plot.matrix(axes[0], P, "P: reflect, 2 cells on each side")
plot.matrix(axes[1], C_valid @ P, "K = C P")
plt.show()

# %% [markdown]
# ## 9. All methods, all kinds of geometry
#
# The library has all these methods in one table, `reference.TRANSPOSES`. In two dimensions, with
# asymmetric padding, dilation, groups, a kernel smaller than the stride, a size with cells left
# over: they agree, `==`.

# %%
geometries = [
    geometry,
    ConvGeometry((6, 5), (3, 2), stride=(2, 3), padding=((1, 0), (0, 2))),
    ConvGeometry((7, 6), 3, stride=2, padding=2, dilation=2, groups=2),
    ConvGeometry(8, 2, stride=3, padding=((-1, 1),)),
]
rng = np.random.default_rng(0)
for case in geometries:
    ws = rng.integers(-9, 10, (*case.kernel_size, 2, 4)).astype(np.float32)
    us = rng.integers(-9, 10, (3, *case.output_size, 4)).astype(np.float32)
    answers = {name: run(us, ws, case) for name, run in reference.TRANSPOSES.items()}
    claim(f"all agree at {case}", same(*answers.values()))
print(len(answers), "methods:", ", ".join(answers))

# %% [markdown]
# ## What we claimed
#
# Derive it, convolve a dilated input, overlap-add, probe it, or write its entries: there is only
# one transpose, and $\langle u, K v\rangle = \langle K^T u, v\rangle$ determines it.

# %%
assert len(claims) == 28
assert all(claims.values()), [text for text, holds in claims.items() if not holds]
print(f"all {len(claims)} claims hold")
