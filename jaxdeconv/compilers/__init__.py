"""compilers: what XLA makes of any function, for a GPU or a TPU that is not here.

    python -m jaxdeconv compilers install h100          # once: a folder of its own, 200 MB
    python -m jaxdeconv compiled training:case --target h100,v5e

where `training.case = (step, *args)`. Of a training step of a DCGAN generator in Flax Linen, in
bfloat16 (`examples/dcgan.py`; jax 0.10.2, 2026-11-28), it says for the H100, in part:

                                                    wasted  FLOP useful   MiB launches predicted
    dcgan.py:31  conv_transpose  bfloat16[64,16,16,128] * [4,4,128,64] -> [64,32,32,64], ...
        as it is    cuDNN fprop + bias bf16 + 2        77% 17.2G  4.03G  28.1        3   29.8 us
        accelerated cuDNN dgrad bf16 + 1                6% 4.29G  4.03G  13.0        2    8.7 us
    ...
    as it is: inserted zeros or unused results: 6 of 14 convolutions (...), 54% of all their
        operations
    accelerate(step): 1.66 times as fast as step (predicted)

Flax's `ConvTranspose` does not flip its kernel, so XLA:GPU sees no backward convolution in it,
writes the zeros between the pixels out and multiplies by them. (`+ 2`: two other kernels, which
move data.) No device was used and nothing was timed.

Data flows downwards:

    targets      the devices, as their compilers are told of them
    installing   the compilers, from the package index into a folder
    worker       the subprocess in which they run
    compiling    programs -> optimized programs
    hlo          the text of an optimized program -> instructions
    counting     products of stored numbers: integers
    kernels      instructions -> kernels
    cost         seconds of a kernel: a roofline
    program      a call -> a program with numbered convolutions
    tally        what kernels cost together
    report       what was found, as text and as JSON
    explaining   all of these in order
"""

from jaxdeconv.compilers.explaining import explain as explain
from jaxdeconv.compilers.installing import install as install
from jaxdeconv.compilers.report import Explanation as Explanation

__all__ = ["Explanation", "explain", "install"]
