"""What a wrong argument says: the function, the rule, the value that was got, and what to pass.

Every message is raised while tracing, from shapes alone; here each stands in full.
"""

import jax
import jax.numpy as jnp
import pytest

from jaxdeconv import (
    ConvGeometry,
    conv,
    conv_transpose,
    kernel_gradient,
    possible_input_sizes,
)
from tests.support.algorithms import runs_here
from tests.support.bad_inputs import BadInputs, check_message, z

pytestmark = pytest.mark.every_variant

ONEDNN = "'onednn', " * runs_here("onednn")
v, w, u = z(2, 8, 7, 4), z(3, 3, 4, 6), z(2, 4, 4, 6)
REPEATED = jax.lax.ConvDimensionNumbers((0, 1, 1, 2), (0, 1, 2, 3), (0, 1, 2, 3))

BAD_INPUTS: BadInputs = {
    "v_is_a_list": (
        lambda: conv([[1.0]], w),
        TypeError,
        "conv: v must be an array; got v=[[1.0]]. Pass jax.numpy.asarray(v).",
    ),
    "w_is_none": (
        lambda: conv(v, None),
        TypeError,
        "conv: w must be an array; got w=None. Pass jax.numpy.asarray(w).",
    ),
    "v_is_a_scalar": (
        lambda: conv(2.0, w),
        TypeError,
        "conv: v must be an array; got v=2.0. Pass jax.numpy.asarray(v).",
    ),
    "v_has_too_few_axes": (
        lambda: conv(z(7, 4), w),
        ValueError,
        "conv: v must have 3 axes and any number of batch axes; got v=float32[7,4]. Pass "
        "v as (N, H, W, C), where N may be left out or repeated. If it has no channels: "
        "v[..., None].",
    ),
    "w_has_too_few_axes": (
        lambda: conv(v, z(3)),
        ValueError,
        "conv: w must have an axis of input and an axis of output channels; got "
        "w=float32[3]. Pass w as (*kernel_size, in/groups, out), e.g. w[..., None, None].",
    ),
    "u_has_too_few_axes": (
        lambda: conv_transpose(z(6), w),
        ValueError,
        "conv_transpose: u must have 3 axes and any number of batch axes; got "
        "u=float32[6]. Pass u as (N, H, W, C), where N may be left out or repeated.",
    ),
    "v_is_boolean": (
        lambda: conv(z(2, 8, 7, 4, dtype=bool), w),
        TypeError,
        "conv: v must have a supported dtype; got v=bool[2,8,7,4]. Convert to one of "
        "float16, bfloat16, float32, float64, complex64, complex128, int8, int16, int32, "
        "int64, uint8, uint16, uint32, uint64.",
    ),
    "v_is_float8": (
        lambda: conv(z(2, 8, 7, 4, dtype=jnp.float8_e4m3fn), w),
        TypeError,
        "conv: v must have a supported dtype; got v=float8_e4m3fn[2,8,7,4]. Convert to "
        "one of float16, bfloat16, float32, float64, complex64, complex128, int8, int16, "
        "int32, int64, uint8, uint16, uint32, uint64.",
    ),
    "dtypes_differ": (
        lambda: conv(z(2, 8, 7, 4, dtype=jnp.bfloat16), w),
        TypeError,
        "conv: v and w must have the same dtype; got v=bfloat16[2,8,7,4], "
        "w=float32[3,3,4,6]. Convert one, e.g. v.astype(w.dtype), whichever loses "
        "nothing.",
    ),
    "integer_image_float_kernel": (
        lambda: conv(z(2, 8, 7, 4, dtype=jnp.int32), w),
        TypeError,
        "conv: v and w must have the same dtype; got v=int32[2,8,7,4], "
        "w=float32[3,3,4,6]. Convert one, e.g. v.astype(w.dtype), whichever loses "
        "nothing.",
    ),
    "real_u_complex_kernel": (
        lambda: conv_transpose(u, z(3, 3, 4, 6, dtype=jnp.complex64)),
        TypeError,
        "conv_transpose: u and w must have the same dtype; got u=float32[2,4,4,6], "
        "w=complex64[3,3,4,6]. Convert one, e.g. u.astype(w.dtype), whichever loses "
        "nothing.",
    ),
    "gradient_dtypes_differ": (
        lambda: kernel_gradient(u, v.astype(jnp.float16), kernel_size=(3, 3), stride=2, padding=1),
        TypeError,
        "kernel_gradient: u and v must have the same dtype; got u=float32[2,4,4,6], "
        "v=float16[2,8,7,4]. Convert one, e.g. u.astype(v.dtype), whichever loses "
        "nothing.",
    ),
    "channels_differ": (
        lambda: conv(z(2, 8, 7, 5), w),
        ValueError,
        "conv: v must have groups times as many channels as w has input channels; got "
        "v_channels=5, w_input_channels=4, groups=1. With groups=1, pass w with 5 input "
        "channels.",
    ),
    "channels_and_groups": (
        lambda: conv(v, w, groups=2),
        ValueError,
        "conv: v must have groups times as many channels as w has input channels; got "
        "v_channels=4, w_input_channels=4, groups=2. With groups=2, pass w with 2 input "
        "channels.",
    ),
    "transposed_kernel": (
        lambda: conv_transpose(u, z(3, 3, 6, 4)),
        ValueError,
        "conv_transpose: u must have as many channels as w has output channels: it is an "
        "output of conv; got u_channels=6, w_output_channels=4. Pass the kernel of conv "
        "as it is, neither swapped nor flipped.",
    ),
    "groups_do_not_divide": (
        lambda: conv(v, z(3, 3, 1, 6), groups=4),
        ValueError,
        "conv: groups must divide the numbers of input and of output channels; got "
        "groups=4, input_channels=4, output_channels=6. Pass a common divisor of both.",
    ),
    "groups_do_not_divide_gradient": (
        lambda: kernel_gradient(u, v, kernel_size=(3, 3), stride=2, padding=1, groups=4),
        ValueError,
        "kernel_gradient: groups must divide the numbers of input and of output channels;"
        " got groups=4, input_channels=4, output_channels=6. Pass a common divisor of "
        "both.",
    ),
    "groups_zero": (
        lambda: conv(v, w, groups=0),
        ValueError,
        "conv: groups must be at least 1; got groups=0. Pass 1 or more.",
    ),
    "groups_float": (
        lambda: conv(v, w, groups=1.0),
        TypeError,
        "conv: groups must be an integer; got groups=1.0. Pass Python ints.",
    ),
    "kernel_too_long": (
        lambda: conv(z(2, 2, 7, 4), w),
        ValueError,
        "conv: the dilated kernel must not be longer than the padded input; got "
        "dilated_kernel_size=(3, 3), padded_size=(2, 7). Pass at least 1 more padding, or"
        " a smaller kernel or dilation.",
    ),
    "kernel_too_long_dilated": (
        lambda: conv(v, w, dilation=4, padding=((1, 0), (0, 0))),
        ValueError,
        "conv: the dilated kernel must not be longer than the padded input; got "
        "dilated_kernel_size=(9, 9), padded_size=(9, 7). Pass at least 2 more padding, or"
        " a smaller kernel or dilation.",
    ),
    "cropped_away": (
        lambda: conv(v, w, padding=((-9, 9), (0, 0))),
        ValueError,
        "conv: padding must not crop more than there is; got padding=((-9, 9), (0, 0)), "
        "input_size=(8, 7). Pass less negative padding.",
    ),
    "stride_zero": (
        lambda: conv(v, w, stride=0),
        ValueError,
        "conv: stride must be at least 1; got stride=0. Pass 1 or more.",
    ),
    "stride_negative": (
        lambda: conv_transpose(u, w, stride=(2, -1)),
        ValueError,
        "conv_transpose: stride must be at least 1 in every dimension; got stride=(2, "
        "-1). Pass 1 or more.",
    ),
    "stride_wrong_length": (
        lambda: conv(v, w, stride=(2, 2, 2)),
        ValueError,
        "conv: stride must have one entry per spatial dimension (2); got stride=(2, 2, "
        "2). Pass an int, or a tuple of length 2.",
    ),
    "stride_float": (
        lambda: conv(v, w, stride=2.0),
        TypeError,
        "conv: stride must be an integer; got stride=2.0. Pass Python ints.",
    ),
    "stride_bool": (
        lambda: conv(v, w, stride=True),
        TypeError,
        "conv: stride must be an integer; got stride=True. Pass Python ints.",
    ),
    "stride_entry_float": (
        lambda: conv(v, w, stride=(2, 1.5)),
        TypeError,
        "conv: stride must hold integers; got stride=(2, 1.5). Pass Python ints.",
    ),
    "stride_string": (
        lambda: conv(v, w, stride="2"),
        TypeError,
        "conv: stride must be an integer; got stride='2'. Pass Python ints.",
    ),
    "stride_traced": (
        lambda: jax.jit(lambda s: conv(v, w, stride=s))(2),
        TypeError,
        "conv: stride must be a static integer, it decides shapes, and this one is "
        "traced; got stride=int32[]. Pass a Python int; under jax.jit mark the argument "
        "with static_argnames.",
    ),
    "input_size_traced": (
        lambda: jax.jit(lambda n: conv_transpose(u, w, stride=2, input_size=(n, n)))(9),
        TypeError,
        "conv_transpose: input_size must be a static integer, it decides shapes, and this"
        " one is traced; got input_size=(JitTracer(~int32[]), JitTracer(~int32[])). Pass "
        "a Python int; under jax.jit mark the argument with static_argnames.",
    ),
    "dilation_zero": (
        lambda: conv(v, w, dilation=(1, 0)),
        ValueError,
        "conv: dilation must be at least 1 in every dimension; got dilation=(1, 0). Pass "
        "1 or more.",
    ),
    "dilation_wrong_length": (
        lambda: conv(v, w, dilation=(1,)),
        ValueError,
        "conv: dilation must have one entry per spatial dimension (2); got dilation=(1,)."
        " Pass an int, or a tuple of length 2.",
    ),
    "padding_unknown": (
        lambda: conv(v, w, padding="FULL"),
        ValueError,
        "conv: padding must be a known name, an int, or one entry per spatial dimension; "
        "got padding='FULL'. Pass one of 'SAME', 'SAME_LOWER', 'VALID', 'CAUSAL', or "
        "integers.",
    ),
    "padding_wrong_length": (
        lambda: conv(v, w, padding=(1, 2, 3)),
        ValueError,
        "conv: padding must have one entry per spatial dimension (2); got padding=(1, 2, "
        "3). Pass an int, or a tuple of 2 ints or (low, high) pairs.",
    ),
    "padding_bare_pair": (
        lambda: conv(z(2, 8, 4), z(3, 4, 6), padding=(1, 2)),
        ValueError,
        "conv: padding must have one entry per spatial dimension (1); got padding=(1, 2)."
        " For one (low, high) pair write ((1, 2),).",
    ),
    "padding_triple": (
        lambda: conv(v, w, padding=((1, 2, 3), (1, 2, 3))),
        ValueError,
        "conv: padding entries must be an int or a (low, high) pair; got padding=((1, 2, "
        "3), (1, 2, 3)). Pass pairs such as (1, 2).",
    ),
    "padding_float": (
        lambda: conv(v, w, padding=0.5),
        TypeError,
        "conv: padding must be an integer; got padding=0.5. Pass Python ints.",
    ),
    "padding_entry_float": (
        lambda: conv(v, w, padding=((1, 0.5), 1)),
        TypeError,
        "conv: padding must hold integers; got padding=((1, 0.5), 1). Pass Python ints.",
    ),
    "padding_too_much_for_u": (
        lambda: conv_transpose(z(2, 1, 1, 6), w, padding=9),
        ValueError,
        "conv_transpose: no input size gives this output size: the smallest possible "
        "input gives a larger one; got output_size=(1, 1), padding=9, kernel_size=(3, 3)."
        " Pass less padding.",
    ),
    "input_size_impossible": (
        lambda: conv_transpose(u, w, stride=2, padding=1, input_size=9),
        ValueError,
        "conv_transpose: input_size must be one that the forward convolution maps to the "
        "size of u; got input_size=9, output_size=(4, 4). Possible, per dimension: 7, 8; "
        "7, 8.",
    ),
    "input_size_impossible_long": (
        lambda: conv_transpose(u, w, stride=16, input_size=(9, 60)),
        ValueError,
        "conv_transpose: input_size must be one that the forward convolution maps to the "
        "size of u; got input_size=(9, 60), output_size=(4, 4). Possible, per dimension: "
        "51 to 66; 51 to 66.",
    ),
    "input_size_impossible_same": (
        lambda: conv_transpose(u, w, stride=2, padding="SAME", input_size=(8, 9)),
        ValueError,
        "conv_transpose: input_size must be one that the forward convolution maps to the "
        "size of u; got input_size=(8, 9), output_size=(4, 4). Possible, per dimension: "
        "7, 8; 7, 8.",
    ),
    "input_size_wrong_length": (
        lambda: conv_transpose(u, w, input_size=(6,)),
        ValueError,
        "conv_transpose: input_size must have one entry per spatial dimension (2); got "
        "input_size=(6,). Pass an int, or a tuple of length 2.",
    ),
    "input_size_negative": (
        lambda: conv_transpose(u, w, input_size=-6),
        ValueError,
        "conv_transpose: input_size must be at least 0; got input_size=-6. Pass 0 or more.",
    ),
    "output_padding_too_large": (
        lambda: conv_transpose(u, w, stride=(2, 3), output_padding=2),
        ValueError,
        "conv_transpose: output_padding must be smaller than the stride: larger input "
        "sizes give a larger u; got output_padding=2. Largest possible, per dimension: 1,"
        " 2.",
    ),
    "output_padding_negative": (
        lambda: conv_transpose(u, w, stride=2, output_padding=-1),
        ValueError,
        "conv_transpose: output_padding must be at least 0; got output_padding=-1. Pass 0 or more.",
    ),
    "both_sizes": (
        lambda: conv_transpose(u, w, stride=2, input_size=9, output_padding=0),
        ValueError,
        "conv_transpose: input_size and output_padding say the same thing twice; got "
        "input_size=9, output_padding=0. Pass only one of them.",
    ),
    "u_of_another_size": (
        lambda: kernel_gradient(u, v, kernel_size=(3, 3)),
        ValueError,
        "kernel_gradient: u must have the spatial size that conv gives v; got u_size=(4, "
        "4), v_size=(8, 7). Pass u of size (6, 5), or the v that belongs to it.",
    ),
    "batches_differ": (
        lambda: kernel_gradient(z(3, 4, 4, 6), v, kernel_size=(3, 3), stride=2, padding=1),
        ValueError,
        "kernel_gradient: u and v must have the same batch axes; got u_batch=(3,), "
        "v_batch=(2,). Pass the u that belongs to v.",
    ),
    "kernel_size_int": (
        lambda: kernel_gradient(u, v, kernel_size=3, stride=2, padding=1),
        ValueError,
        "kernel_gradient: kernel_size must have one entry per spatial dimension, to tell "
        "how many there are; got kernel_size=3. Pass a tuple, e.g. (3, 3) for images.",
    ),
    "kernel_size_zero": (
        lambda: kernel_gradient(u, v, kernel_size=(3, 0), stride=2, padding=1),
        ValueError,
        "kernel_gradient: kernel_size must be at least 1 in every dimension; got "
        "kernel_size=(3, 0). Pass 1 or more.",
    ),
    "dimension_numbers_two": (
        lambda: conv(v, w, dimension_numbers=("NHWC", "HWIO")),
        TypeError,
        "conv: dimension_numbers must be None, three strings, or a "
        "jax.lax.ConvDimensionNumbers; got dimension_numbers=('NHWC', 'HWIO'). Pass for "
        "example ('NCHW', 'OIHW', 'NCHW').",
    ),
    "dimension_numbers_letters": (
        lambda: conv(v, w, dimension_numbers=("NHWC", "HWOI", "NDHC")),
        ValueError,
        "conv: dimension_numbers must name v and u by N, C and the spatial letters, w by "
        "I, O and the same spatial letters, each once; got dimension_numbers=('NHWC', "
        "'HWOI', 'NDHC'). Pass for example ('NCHW', 'OIHW', 'NCHW').",
    ),
    "dimension_numbers_repeated": (
        lambda: conv(v, w, dimension_numbers=("NHHC", "HHIO", "NHHC")),
        ValueError,
        "conv: dimension_numbers must name v and u by N, C and the spatial letters, w by "
        "I, O and the same spatial letters, each once; got dimension_numbers=('NHHC', "
        "'HHIO', 'NHHC'). Pass for example ('NCHW', 'OIHW', 'NCHW').",
    ),
    "dimension_numbers_rank": (
        lambda: conv(v, w, dimension_numbers=("NWC", "WIO", "NWC")),
        ValueError,
        "conv: dimension_numbers must describe the 4 axes of w; got "
        "dimension_numbers=('NWC', 'WIO', 'NWC'). Use one letter per axis of the kernel, "
        "'I' and 'O' included.",
    ),
    "dimension_numbers_type": (
        lambda: conv(v, w, dimension_numbers="NHWC"),
        TypeError,
        "conv: dimension_numbers must be None, three strings, or a "
        "jax.lax.ConvDimensionNumbers; got dimension_numbers='NHWC'. Pass for example "
        "('NCHW', 'OIHW', 'NCHW').",
    ),
    "dimension_numbers_object": (
        lambda: conv(
            v,
            w,
            dimension_numbers=REPEATED,
        ),
        ValueError,
        "conv: dimension_numbers must be a permutation of the axes; got "
        "dimension_numbers=ConvDimensionNumbers(lhs_spec=(0, 1, 1, 2), rhs_spec=(0, 1, 2,"
        " 3), out_spec=(0, 1, 2, 3)). Build it with jax.lax.conv_dimension_numbers.",
    ),
    "padding_mode_unknown": (
        lambda: conv(v, w, padding=1, padding_mode="mirror"),
        ValueError,
        "conv: padding_mode must be a known name; got padding_mode='mirror'. Pass one of "
        "'zeros', 'circular', 'reflect', 'replicate', 'symmetric'.",
    ),
    "padding_mode_empty": (
        lambda: conv(z(2, 0, 7, 4), w, padding=2, padding_mode="reflect"),
        ValueError,
        "conv: padding_mode must be 'zeros' where v is empty: there is nothing to copy; "
        "got padding_mode='reflect'. Pass padding_mode='zeros'.",
    ),
    "precision_unknown": (
        lambda: conv(v, w, precision="exact"),
        ValueError,
        "conv: precision must be None, a jax.lax.Precision or its name, or a pair of "
        "these; got precision='exact'. Pass for example 'highest'.",
    ),
    "algorithm_unknown": (
        lambda: conv_transpose(u, w, algorithm="winograd"),
        ValueError,
        "conv_transpose: algorithm must be one that can compute this conv_transpose; got "
        f"algorithm='winograd'. Pass one of 'auto', 'derived', {ONEDNN}'native', 'phases', "
        "'fft', 'overlap_add'.",
    ),
    "preferred_other_kind": (
        lambda: conv(v, w, preferred_element_type=jnp.int32),
        TypeError,
        "conv: preferred_element_type must be the same kind of number as float32, and as "
        "wide; got preferred_element_type='int32', dtype='float32'. Pass a wider dtype, "
        "or None and convert the result.",
    ),
    "preferred_narrower": (
        lambda: conv(v, w, preferred_element_type=jnp.bfloat16),
        TypeError,
        "conv: preferred_element_type must be the same kind of number as float32, and as "
        "wide; got preferred_element_type='bfloat16', dtype='float32'. Pass a wider "
        "dtype, or None and convert the result.",
    ),
    "preferred_no_dtype": (
        lambda: conv(v, w, preferred_element_type="wide"),
        TypeError,
        "conv: preferred_element_type must be the same kind of number as float32, and as "
        "wide; got preferred_element_type='wide', dtype='float32'. Pass a wider dtype, or"
        " None and convert the result.",
    ),
    "preferred_x64": (
        lambda: conv(v, w, preferred_element_type="float64"),
        ValueError,
        "conv: preferred_element_type must exist without 64-bit mode, or 64-bit mode must"
        " be on; got preferred_element_type='float64'. Call "
        'jax.config.update("jax_enable_x64", True) first, or pass the 32-bit type.',
    ),
    "geometry_kernel_size_zero": (
        lambda: ConvGeometry((5, 5), 0),
        ValueError,
        "ConvGeometry: kernel_size must be at least 1; got kernel_size=0. Pass 1 or more.",
    ),
    "geometry_input_size_negative": (
        lambda: ConvGeometry((-5, 5), 3),
        ValueError,
        "ConvGeometry: input_size must be at least 0 in every dimension; got "
        "input_size=(-5, 5). Pass 0 or more.",
    ),
    "geometry_lengths": (
        lambda: ConvGeometry((5, 5), (3, 3, 3)),
        ValueError,
        "ConvGeometry: kernel_size must have one entry per spatial dimension (2); got "
        "kernel_size=(3, 3, 3). Pass an int, or a tuple of length 2.",
    ),
    "geometry_output_size": (
        lambda: ConvGeometry.from_output_size((1,), 3, padding=4),
        ValueError,
        "ConvGeometry.from_output_size: no input size gives this output size: the "
        "smallest possible input gives a larger one; got output_size=(1,), padding=4, "
        "kernel_size=(3,). Pass less padding.",
    ),
    "possible_of_too_much_padding": (
        lambda: possible_input_sizes(0, 3, padding=4),
        ValueError,
        "possible_input_sizes: no input size gives this output size: the smallest "
        "possible input gives a larger one; got output_size=(0,), padding=4, "
        "kernel_size=(3,). Pass less padding.",
    ),
    "geometry_crop": (
        lambda: ConvGeometry(4, 1, padding=((-3, -3),)),
        ValueError,
        "ConvGeometry: padding must not crop more than there is; got padding=((-3, -3),),"
        " input_size=(4,). Pass less negative padding.",
    ),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input(name: str) -> None:
    check_message(*BAD_INPUTS[name])


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_message_has_its_four_parts(name: str) -> None:
    _, _, text = BAD_INPUTS[name]
    name, rest = text.split(": ", 1)
    rule, rest = rest.split("; got ", 1)
    got, remedy = rest.split(". ", 1) if ". " in rest else ("", "")
    assert name.split(".")[0] in {function.__name__ for function in FUNCTIONS}
    assert rule
    assert "=" in got
    assert remedy.endswith(".")


FUNCTIONS = (ConvGeometry, conv, conv_transpose, kernel_gradient, possible_input_sizes)


def test_raised_while_tracing() -> None:
    """Under jit the same error, before anything is computed."""
    with pytest.raises(ValueError, match="conv: stride must be at least 1; got stride=0"):
        jax.eval_shape(lambda v, w: conv(v, w, stride=0), v, w)


def test_nothing_is_refused_that_is_right() -> None:
    """The arguments that the table bends are good ones to begin with."""
    assert conv(v, w, stride=2, padding=1).shape == u.shape
    assert conv_transpose(u, w, stride=2, padding=1, input_size=(8, 7)).shape == v.shape
    assert kernel_gradient(u, v, kernel_size=(3, 3), stride=2, padding=1).shape == w.shape


def test_long_values_are_shortened() -> None:
    with pytest.raises(TypeError) as error:
        conv([[float(i)] for i in range(1000)], w)
    assert len(str(error.value)) < 250
