"""How many products of stored numbers a convolution is made of: integers alone."""

import math

__all__ = ["products"]


def products(
    size: int, taps: int, out: int, factors: tuple[int, int, int], low: int, padded: bool = False
) -> int:
    """Along one dimension: how often a tap meets an entry of the input.

    The entry i meets the tap t in the result y where a*i + low = d*t + s*y.

    Args:
        size: entries of the input, i.
        taps: entries of the kernel, t.
        out: entries of the result, y.
        factors: (a, d, s): dilation of the input, dilation of the kernel, stride.
        low: the padding before the first entry.
        padded: whether zeros of the padding count as entries; those of the dilation never do.

    Example:
        >>> products(4, 3, 4, (1, 1, 1), 1)  # 'SAME': two of the twelve meet padding
        10
        >>> products(4, 4, 8, (2, 1, 1), 2)  # dilated: half of 32 meet zeros, and 2 meet padding
        14
    """
    a, d, s = factors
    period = a // math.gcd(a, s)  # of the results that meet an entry, for one tap
    count = 0
    for t in range(taps):
        first = next((y for y in range(period) if (d * t + s * y - low) % a == 0), None)
        if first is None:
            continue
        start, stop = 0, out
        if not padded:  # 0 <= d*t + s*y - low <= a*(size - 1)
            start = max(start, -((d * t - low) // s))
            stop = min(stop, (a * (size - 1) + low - d * t) // s + 1)
        start += (first - start) % period
        count += len(range(start, stop, period))
    return count
