"""Kernels in the stored programs of the real compilers; numbers by hand."""

from jaxdeconv.compilers.hlo import parse
from jaxdeconv.compilers.kernels import kernels
from tests.compilers.support import module, text

DENSE = 2 * 2 * 8 * 8 * 8 * 16 * 16  # upsample, every tap for every cell of the result


def by_kind(name: str, zeros: bool = True) -> dict:
    return {one.kind: one for one in kernels(module(name), zeros)}


def test_zeros_that_are_written_out_are_multiplied() -> None:
    found = by_kind("h100_stuffed")
    assert [*found] == ["transpose fusion", "pad fusion", "cuDNN fprop"]
    assert found["cuDNN fprop"].flops == DENSE
    assert found["cuDNN fprop"].dtype == "bf16"
    written = 2 * 11 * 11 * 16 * 2
    assert found["pad fusion"].bytes == 2 * 4 * 4 * 16 * 2 + written
    assert found["cuDNN fprop"].bytes == written + 4 * 4 * 16 * 8 * 2 + 2 * 8 * 8 * 8 * 2


def test_a_backward_pass_in_place_of_zeros_multiplies_a_quarter() -> None:
    found = by_kind("h100_backward_input")
    assert found["cuDNN dgrad"].flops == DENSE / 4


def test_a_kernel_gradient() -> None:
    found = by_kind("h100_backward_filter")
    assert found["cuDNN wgrad"].flops == 2 * 8 * 16 * 16 * 128 * 64 * 16
    assert found["cuDNN wgrad"].flops == found["cuDNN fprop + bias"].flops


def test_kernels_without_a_name_belong_to_what_they_are_made_for() -> None:
    assert {one.tag for one in kernels(module("h100_stuffed"), True)} == {0}
    tags = [one.tag for one in kernels(module("h100_backward_filter"), True)]
    assert tags == [0, 0, 0, 1, 1]


def test_a_layout_change_that_two_use_belongs_to_neither() -> None:
    changed = text("h100_backward_filter").replace(
        "(%args_0_.1, %get-", "(%wrapped_transpose, %get-"
    )
    found = {one.name: one.tag for one in kernels(parse(changed), True)}
    assert found["%wrapped_transpose"] is None


def test_a_loop_counts_as_often_as_it_runs() -> None:
    (convolution,) = (one for one in kernels(module("h100_loop"), True) if one.flops)
    assert (convolution.times, convolution.dtype) == (5, "f32")
    unknown = text("h100_loop").replace("known_trip_count", "no")
    assert max(one.times for one in kernels(parse(unknown), True)) == 1


def test_a_tpu_skips_the_zeros_of_dilation() -> None:
    found = by_kind("v5e_stuffed", zeros=False)
    assert found["convolution"].flops == DENSE / 4
    assert by_kind("v5e_stuffed", zeros=True)["convolution"].flops == DENSE
    assert found["convolution"].cycles > 0
    assert found["copy-start"].running
    assert found["convolution"].bytes == 2 * 4 * 4 * 16 * 2  # the kernel and the result are near


def test_matrix_products_and_slices() -> None:
    triton, cublas, loop = kernels(module("by_hand"), True)
    assert [triton.kind, cublas.kind, loop.kind] == [
        "gemm (Triton)",
        "gemm (cuBLAS)",
        "loop fusion",
    ]
    assert triton.flops == cublas.flops == 2 * 64 * 32 * 16
    assert triton.bytes == cublas.bytes == 4 * (64 * 32 + 32 * 16 + 64 * 16)  # no workspace
    assert (loop.flops, loop.vector_flops) == (0, 32)
    assert loop.bytes == 4 * (32 + 32)  # of the operand one row
