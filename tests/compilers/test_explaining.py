"""`explain` on stored programs: what is counted, what is noticed, what is said."""

import json
import math

import jax
import jax.numpy as jnp
import pytest

import jaxdeconv
from jaxdeconv import compilers
from jaxdeconv.compilers import explaining
from jaxdeconv.compilers.compiling import Optimized
from tests.compilers.support import OPERANDS, WHERE, explained, text, upsample
from tests.support.bad_inputs import check_message

STUFFED, BACKWARD = text("h100_stuffed"), text("h100_backward_input")
USEFUL = 2 * 14 * 14 * 2 * 16 * 8  # upsample: 14 of 16 taps and results along each dimension


def test_inserted_zeros_are_wasted(monkeypatch) -> None:
    found = explained(monkeypatch, STUFFED, BACKWARD)
    stuffed, backward = found.programs
    assert found.sources[0].flops == USEFUL
    assert found.wasted(stuffed, 0) == 1 - USEFUL / (2 * 32 * 32 * 2 * 16 * 8)
    assert found.wasted(backward, 0) == 1 - USEFUL / (2 * 16 * 16 * 2 * 16 * 8)
    assert stuffed.total.launches == 3
    assert stuffed.total.seconds == pytest.approx(3 * 2.5e-6)
    assert found.gain == pytest.approx(stuffed.total.seconds / backward.total.seconds)


def test_a_wider_dtype_and_many_launches_are_noticed(monkeypatch) -> None:
    wider = BACKWARD.replace("bf16", "f32")
    call = next(line for line in STUFFED.splitlines() if "cudnn-conv.2 =" in line)
    more = [call.replace("cudnn-conv.2", f"cudnn-conv.9{i}") for i in range(13)]
    many = STUFFED.replace(call, "\n".join([call, *more]))
    record = json.loads(explained(monkeypatch, wider, many).to_json())
    assert [one["findings"] for one in record["programs"]] == [
        [f"a wider dtype than the program's: 1 of 1 convolution ({WHERE})"],
        [
            f"inserted zeros or unused results: 1 of 1 convolution ({WHERE}), 99% of all their "
            "operations",
            f"more than 12 launches: 1 of 1 convolution ({WHERE})",
        ],
    ]


def test_the_text(monkeypatch) -> None:
    lines = str(explained(monkeypatch, STUFFED, BACKWARD)).splitlines()
    assert lines[0] == (
        f"1 convolution for h100 (NVIDIA H100 80GB HBM3), jax {jax.__version__}: predicted from "
        "compiled programs, not run"
    )
    assert lines[1].endswith("not measured")
    start = f"{WHERE}  conv_transpose  bfloat16[2,4,4,16] * [4,4,16,8] -> [2,8,8,8]"
    assert lines[4].startswith(start)
    assert [" ".join(line.split()) for line in lines[5:7]] == [
        "as it is cuDNN fprop bf16 + 2 81% 524K 100K 0.0 3 7.5 us",
        "accelerated cuDNN dgrad bf16 + 1 23% 131K 100K 0.0 2 5.0 us",
    ]
    assert lines[-1] == "accelerate(step): 1.50 times as fast as step (predicted)"


def test_nothing_to_accelerate(monkeypatch) -> None:
    explained(monkeypatch, STUFFED, BACKWARD)
    found = compilers.explain(lambda x: 2 * x, jnp.ones(3), target="v5e")
    assert (found.sources, len(found.programs)) == ((), 1)
    assert math.isnan(found.gain)
    assert str(found).endswith("there is no convolution that it reads as a leg")
    assert json.loads(found.to_json())["gain"] is None


def test_a_function_that_is_accelerated_already(monkeypatch) -> None:
    explained(monkeypatch, STUFFED, BACKWARD)
    done = jaxdeconv.accelerate(upsample, platforms="cuda")
    last = str(compilers.explain(done, *OPERANDS)).splitlines()[-1]
    assert last == "accelerate(step): 1.50 times as fast as step (predicted)"


def test_a_program_that_is_refused(monkeypatch) -> None:
    given = [Optimized(error="no such\nconvolution"), Optimized(hlo=BACKWARD)]
    explained(monkeypatch, STUFFED, BACKWARD)
    monkeypatch.setattr(explaining, "optimized", lambda *_: given)
    found = compilers.explain(upsample, *OPERANDS)
    assert math.isnan(found.gain)
    assert "as it is: the compiler refuses it: no such convolution" in str(found).splitlines()
    assert json.loads(found.to_json())["programs"][0]["error"] == "no such\nconvolution"
    given[1] = given[0]
    check_message(
        lambda: compilers.explain(upsample, *OPERANDS),
        ValueError,
        "explain: step must compile for the target, whose compiler says: no such convolution; got "
        "target='h100'. Compile a part of step to find out which operation it is.",
    )


def test_callbacks(monkeypatch) -> None:
    explained(monkeypatch, STUFFED, BACKWARD)

    def loud(x, w):
        jax.debug.print("{}", x)
        return upsample(x, w)

    with pytest.raises(ValueError, match="explain: step must be such that JAX can lower it"):
        compilers.explain(loud, *OPERANDS)


def test_bad_arguments(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("JAXDECONV_COMPILERS", str(tmp_path))
    check_message(
        lambda: compilers.explain(3),
        TypeError,
        "explain: step must be callable; got step=3. Pass the function itself, not its result.",
    )
    check_message(
        lambda: compilers.explain(upsample, *OPERANDS, target="gpu"),
        ValueError,
        "explain: target must be a known name; got target='gpu'. Pass one of 'a100', 'h100', "
        "'v5e', 'v6e'.",
    )
    with pytest.raises(ValueError, match="explain: the compiler for this target must be installed"):
        compilers.explain(upsample, *OPERANDS)
