import pytest

from jaxdeconv.compilers.hlo import Array, Window, parse
from tests.compilers.support import module


def test_a_cudnn_call() -> None:
    found = module("h100_stuffed")
    call = found.instructions["%cudnn-conv.2"]
    assert (call.opcode, call.root) == ("custom-call", False)
    assert call.arrays == (Array("bf16", (2, 8, 8, 8)), Array("u8", (0,)))
    assert [one.name for one in found.operands(call)] == ["%loop_pad_fusion", "%wrapped_transpose"]
    assert call.labels == ("b01f", "o01i", "b01f")
    assert call.window == Window((4, 4), (1, 1), (0, 0), (1, 1), (1, 1))
    assert call.op_name == "jit(jaxpr_as_fun)/jaxdeconv:0/conv_general_dilated"


def test_memory_on_the_chip_is_near() -> None:
    found = module("v5e_stuffed")
    convolution = found.instructions["%conv_general_dilated.0"]
    assert convolution.arrays == (Array("bf16", (2, 8, 8, 8), near=True),)
    assert convolution.bytes == 0
    assert convolution.window == Window((4, 4), (1, 1), (2, 2), (2, 2), (1, 1))
    assert found.instructions["%args_0_.1"].bytes == 2 * 2 * 4 * 4 * 16
    assert {array.near for array in found.instructions["%copy-start"].arrays} == {True, False}


def test_what_is_fused_is_found_in_fusions_of_fusions() -> None:
    found = module("v5e_stuffed")
    inside = {one.opcode for one in found.within(found.instructions["%fusion"])}
    assert inside == {"parameter", "copy", "bitcast", "convolution"}


@pytest.mark.parametrize(
    ("kind", "size"),
    [("f32[3,5]{1,0}", 60), ("pred[]", 1), ("s4[8]", 4), ("(c64[2], f8e4m3fn[3])", 19)],
)
def test_bytes(kind, size) -> None:
    (one,) = parse(f"ENTRY %main () -> x {{\n  ROOT %a = {kind} iota()\n}}").instructions.values()
    assert one.bytes == size


def test_no_module() -> None:
    with pytest.raises(ValueError, match="there is no ENTRY in 'nothing'"):
        parse("nothing")
