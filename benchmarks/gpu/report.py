"""The figures of a visit as Markdown. Everything here is made from what the JSON file holds."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.gpu.algorithms import STOCK
from benchmarks.gpu.correctness import DTYPES, EXACT, REFUSED, ROUNDED, WRONG
from benchmarks.gpu.rivals import OURS, RIVALS
from benchmarks.machine import one_line
from benchmarks.markdown import Place, table
from benchmarks.programs import PASSES
from benchmarks.timing import geometric_mean

__all__ = ["PLACE", "any_fault", "markdown"]

PLACE = Place("gpu table")
_LEGS = {"conv": "K", "conv_transpose": "Kᵀ", "kernel_gradient": "G"}
_NEAR, _CLOSE = 1.1, 1.5
_WORST = 10

Document = Mapping[str, Any]


def markdown(document: Document) -> str:
    """All tables, and the lines below them."""
    modes = dict.fromkeys(one["mode"] for one in document["rivals"])
    parts = [
        *(_rivals(document, mode) for mode in modes),
        _correctness(document),
        _constants(document),
        "\n".join(f"- {line}" for line in (*_algorithms(document), *_end(document))) + "\n",
    ]
    return "\n".join(parts)


def any_fault(document: Document) -> bool:
    """Whether an answer was wrong, or something was refused or failed."""
    faults = [one for one in document["correctness"]["faults"] if one["status"] != ROUNDED]
    wrong = [one for key in ("rivals", "algorithms") for one in document[key] if one["wrong"]]
    return bool(faults or wrong or document["budget"]["failures"])


# --- ours against the rivals


def _rivals(document: Document, mode: str) -> str:
    chosen = [one for one in document["rivals"] if one["mode"] == mode]
    header = ["case", "leg", "algorithm"]
    for name in PASSES:
        header += [f"{name} us", *(f"{name} {rival}" for rival in RIVALS)]
    rows = []
    for one in chosen:
        row = [one["case"], _LEGS[one["leg"]], one["algorithms"][one["leg"]]]
        for name in PASSES:
            row.append(_microseconds(one["passes"][name]["seconds"].get(OURS, math.nan)))
            row += [_times(_ratio(one, name, rival)) for rival in RIVALS]
        rows.append(row)
    notes = [
        f"{mode}, {document['card']}; a rival's column is its time over ours; above 1 we win",
        *(line for name in PASSES for rival in RIVALS for line in _mean(chosen, name, rival)),
        *(
            f"WRONG, not timed: {who}, {one['case']}: {why}"
            for one in chosen
            for who, why in one["wrong"].items()
        ),
        *_skipped(chosen),
    ]
    return table(header, rows, 3, notes)


def _skipped(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One line for each reason."""
    cases: dict[tuple[str, str], list[str]] = {}
    for one in records:
        for reason in one["skipped"].items():
            cases.setdefault(reason, []).append(one["case"])
    for (who, why), names in cases.items():
        yield f"not timed: {who}: {why} ({', '.join(names)})"


def _ratio(record: Mapping[str, Any], name: str, rival: str) -> float:
    """The time of a rival's fastest contestant over ours; nan if none was timed."""
    ratios = record["passes"][name]["ratios"]
    return min((ratios[one] for one in RIVALS[rival] if one in ratios), default=math.nan)


def _mean(records: Sequence[Mapping[str, Any]], name: str, rival: str) -> Iterator[str]:
    ratios = {one["case"]: _ratio(one, name, rival) for one in records}
    known = {case: value for case, value in ratios.items() if not math.isnan(value)}
    if known:
        worst = min(known, key=known.__getitem__)
        yield (
            f"{rival} / ours, {name}: geometric mean {geometric_mean(known.values()):.2f} over "
            f"{len(known)} cases, worst {known[worst]:.2f} ({worst})"
        )


# --- correctness


def _correctness(document: Document) -> str:
    dtypes = [f"{dtype} -> {result}" if result else dtype for dtype, result in DTYPES]
    rows = [
        [_LEGS[one["leg"]], one["algorithm"], *(_cell(one["counts"].get(d, {})) for d in dtypes)]
        for one in document["correctness"]["table"]
    ]
    notes = [
        "problems on which the result equals (==) the definition's, computed by NumPy; "
        "rounded: off by less than any wrong term would be; -: not possible or not reached",
        *(
            f"{one['status']}: {one['leg']} by {one['algorithm']} of '{one['case']}' in "
            f"{one['dtype']}: {one['message']}"
            for one in document["correctness"]["faults"]
        ),
    ]
    return table(["leg", "algorithm", *dtypes], rows, 2, notes)


def _cell(counts: Mapping[str, int]) -> str:
    """As '5', '4, 1 rounded', '3, 1 WRONG, 1 refused'."""
    shown = {ROUNDED: "rounded", WRONG: "**WRONG**", REFUSED: "refused"}
    others = [f"{counts[status]} {word}" for status, word in shown.items() if counts.get(status)]
    return ", ".join([str(counts.get(EXACT, 0)), *others]) if counts else "-"


# --- constants


def _constants(document: Document) -> str:
    fitted, sheet = _flat(document["constants"]), _flat(document["known"])
    rows = [
        [name, f"{fitted[name]:.3g}" if name in fitted else "-", f"{sheet[name]:.3g}"]
        if name in sheet
        else [name, f"{fitted[name]:.3g}", "-"]
        for name in {**fitted, **sheet}
    ]
    return table(["constant", "measured", "before"], rows, 1, [document["remembered"]])


def _flat(constants: Mapping[str, Any]) -> dict[str, float]:
    flops = constants.get("flops_per_second", {})
    others = {name: value for name, value in constants.items() if name != "flops_per_second"}
    return {**others, **{f"flops_per_second, {dtype}": rate for dtype, rate in flops.items()}}


# --- the planner


def _algorithms(document: Document) -> Iterator[str]:
    """How well the plan chooses, and how well the predictions meet the times."""
    records = document["algorithms"]
    groups = dict.fromkeys((one["mode"], one["leg"]) for one in records)
    for mode, leg in groups:
        chosen = [one for one in records if (one["mode"], one["leg"]) == (mode, leg)]
        regrets = [regret for one in chosen if not math.isnan(regret := _regret(one))]
        if regrets:
            near = sum(regret <= _NEAR for regret in regrets)
            yield (
                f"plan, {_LEGS[leg]}, {mode}: within {_NEAR} of our fastest algorithm in {near} of "
                f"{len(regrets)}; {geometric_mean(regrets):.2f} times it in the geometric mean, "
                f"worst {max(regrets):.2f}"
            )
    for name in ("roofline", "planned"):
        yield from _predictions(document, name)
    worst = sorted((one for one in records if _regret(one) > _NEAR), key=lambda one: -_regret(one))
    for one in worst[:_WORST]:
        best = _fastest(one)
        yield (
            f"{one['case']} {_LEGS[one['leg']]}, {one['mode']}: {one['choice']} takes "
            f"{_microseconds(one['seconds'][one['choice']])} us, "
            f"{best} {_microseconds(one['seconds'][best])} us"
        )
    for one in records:
        for who, why in (*one["wrong"].items(), *one["refused"].items()):
            yield f"not timed: {one['leg']} of {one['case']} by {who}, {one['mode']}: {why}"


def _fastest(record: Mapping[str, Any]) -> str:
    ours = {name: value for name, value in record["seconds"].items() if name != STOCK}
    return min(ours, key=ours.__getitem__)


def _regret(record: Mapping[str, Any]) -> float:
    """The time of the plan's choice over that of our fastest; nan where it was not timed."""
    seconds = record["seconds"]
    if record["choice"] not in seconds:
        return math.nan
    return seconds[record["choice"]] / seconds[_fastest(record)]


def _predictions(document: Document, name: str) -> Iterator[str]:
    least = document["dispatch_seconds"] or 0.0
    for mode in dict.fromkeys(one["mode"] for one in document["algorithms"]):
        ratios = [
            one["seconds"][who] / max(seconds, least, 1e-9)
            for one in document["algorithms"]
            if one["mode"] == mode
            for who, seconds in one[name].items()
        ]
        if ratios:
            close = sum(1 / _CLOSE <= ratio <= _CLOSE for ratio in ratios)
            what = {"roofline": "roofline of the compiled program", "planned": "plan"}[name]
            yield (
                f"time / prediction by the {what}, {mode}: median {statistics.median(ratios):.2f}, "
                f"within {_CLOSE} in {close} of {len(ratios)}"
            )


# --- the rest


def _end(document: Document) -> Iterator[str]:
    budget = document["budget"]
    for section, items in budget["left_out"].items():
        yield f"NOT RUN, no time left: {section}: {len(items)}, from '{items[0]}' to '{items[-1]}'"
    for section, errors in budget["failures"].items():
        yield from (f"FAILED: {section}: {error}" for error in errors)
    if not document["options"]["torch"]:
        yield "torch: not installed, or left out"
    if document["dispatch_seconds"]:
        yield f"start of a program: {_microseconds(document['dispatch_seconds'])} us"
    spent = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in budget["spent"].items())
    yield f"{document['card']}, driver {document['driver'] or 'unknown'}; {spent}"
    yield one_line(document["machine"])


def _microseconds(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{1e6 * seconds:.3g}"


def _times(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}x"
