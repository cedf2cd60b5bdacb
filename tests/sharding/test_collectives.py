"""Lines as XLA's compilers print them: every collective operation counts once, by its result."""

from jaxdeconv.sharding.collectives import Collective, collectives

CPU = """
  %ppermute.2 = f32[1,1,64,16]{3,2,1,0} collective-permute(%slice.1), channel_id=1, \
source_target_pairs={{0,4},{1,5}}, metadata={op_name="jit(step)/ppermute" stack_frame_id=29}
  %all-reduce.4 = (f32[], f32[3,16]{1,0}) all-reduce(%a, %b), channel_id=2, to_apply=%region_0.1
  ROOT %all-to-all.1 = s8[8,2]{1,0} all-to-all(%x), channel_id=3, dimensions={0}
  %bf.3 = pred[5]{0} all-gather(%all-reduce.4), channel_id=4, dimensions={0}
"""

GPU = """
  %collective-permute-start.7 = ((f32[1,64]{1,0}, f32[1,64]{1,0}), (f32[1,64]{1,0}, \
f32[1,64]{1,0})) collective-permute-start(%bitcast.1, %bitcast.2), channel_id=1
  %collective-permute-done.7 = (f32[1,64]{1,0}, f32[1,64]{1,0}) \
collective-permute-done(%collective-permute-start.7), metadata={op_name="jit(step)/conv"}
  %get-tuple-element.78 = f32[1,64]{1,0} get-tuple-element(%collective-permute-done.7), index=1
  %all-gather-start = (f32[32,32]{0,1}, f32[32,64]{0,1}) all-gather-start(%bitcast.3), channel_id=3
  %all-gather-done = f32[32,64]{0,1} all-gather-done(%all-gather-start)
  %all-reduce-start = f32[22017]{0} all-reduce-start(%wrapped_concatenate), channel_id=12
  %all-reduce-done = f32[22017]{0} all-reduce-done(%all-reduce-start)
"""

TPU = """
  %collective-permute-start = (bf16[1,64]{1,0:T(8,128)(2,1)S(1)}, bf16[1,64]{1,0:T(8,128)(2,1)S(1)}\
, u32[]{:S(2)}, u32[]{:S(2)}) collective-permute-start(%get-tuple-element.38), channel_id=1
  %collective-permute-done = bf16[1,64]{1,0:T(8,128)(2,1)S(1)} \
collective-permute-done(%collective-permute-start), metadata={op_name="jit(step)/ppermute"}
%fused_computation.337 (param_0.846: bf16[1,432]) -> (bf16[1,432], bf16[4,432], s32[2]) {
  %all-gather.59 = bf16[4,432]{1,0:T(8,128)(2,1)} all-gather(%param_0.846), channel_id=130, \
dimensions={0}, frontend_attributes={chain_id="1"}, metadata={op_name="jit(step)/dot_general"}
  ROOT %custom-call.7 = (bf16[1,432]{1,0}, bf16[4,432]{1,0}) custom-call(%all-gather.59), \
custom_call_target="AsyncCollectiveStart"
%async_collective_fusion.186 (param_0.850: bf16[1,432], param_1.951: bf16[4,432]) -> bf16[4,432] {
  %all-gather.61 = bf16[4,432]{1,0:T(8,128)(2,1)} all-gather(%param_0.850), channel_id=130, \
dimensions={0}, frontend_attributes={chain_id="1"}, metadata={op_name="jit(step)/dot_general"}
  %all-gather.49 = bf16[8,2]{1,0:T(8,128)(2,1)} all-gather(%param_0.1), channel_id=135, \
dimensions={0}, frontend_attributes={chain_id="0"}
  %all-gather.73 = bf16[4,64]{1,0:T(8,128)(2,1)} all-gather(%concatenate.60), channel_id=128
"""


def test_of_a_cpu() -> None:
    assert collectives(CPU) == [
        Collective("collective-permute", 4 * 64 * 16, "jit(step)/ppermute"),
        Collective("all-reduce", 4 + 4 * 48, ""),
        Collective("all-to-all", 16, ""),
        Collective("all-gather", 5, ""),
    ]


def test_of_a_gpu() -> None:
    """All in two halves; the first of a permutation or a gather has the operands in its type."""
    assert collectives(GPU) == [
        Collective("collective-permute", 2 * 4 * 64, "jit(step)/conv"),
        Collective("all-gather", 4 * 32 * 64, ""),
        Collective("all-reduce", 4 * 22017, ""),
    ]


def test_of_a_tpu() -> None:
    """A gather that goes on during other work is repeated in every part of that."""
    assert collectives(TPU) == [
        Collective("collective-permute", 2 * 64, "jit(step)/ppermute"),
        Collective("all-gather", 2 * 4 * 432, "jit(step)/dot_general"),
        Collective("all-gather", 2 * 16, ""),
        Collective("all-gather", 2 * 4 * 64, ""),
    ]
