"""Reports in words: what is proved, what is wrong and where, what was not decided."""

import dataclasses
import math
import textwrap
from collections.abc import Iterable

from jaxdeconv.verify.evidence import Evidence

__all__ = ["Found", "caveats", "duration", "failed", "passed", "table", "undecided", "upper"]

WIDTH = 100

_WHETHER = {
    "adjoint": "whether At is the adjoint of A",
    "transpose": "whether At is the transpose of A",
    "adjoints": "whether At(w, .) is the adjoint of A(w, .) for every w",
    "transposes": "whether At(w, .) is the transpose of A(w, .) for every w",
    "linear": "whether A is linear",
    "variants": "whether the variants agree",
}

_SUBJECTS = {
    "input": "whether the functions can be tested at all",
    "linearity": "whether the functions are linear",
    "precision": "whether the results are as precise as the dtypes allow",
    "variant": "whether the variants agree",
}

_REMEDY = (
    "Double precision (jax_enable_x64), a smaller shape, a pattern of A's entries or a larger "
    "budget may decide it."
)

_UNEQUAL = {
    "exact": "<A v, u> and <v, At u> differ where nothing can round",
    "rounding": "<A v, u> and <v, At u> differ by more than rounding explains",
    "precision": "the results are less precise than the operations of A and of At explain",
}
"""What failed, in plain words, by the name of the evidence."""


@dataclasses.dataclass(frozen=True)
class Found:
    """What is known of a failure.

    Attributes:
        place: a wrong entry, or ''.
        explanation: the cause and its alternatives, a line each, or ''.
        size: |At - A^T| / |A|, if known.
    """

    place: str
    explanation: str
    size: float | None


def passed(question: str, evidence: tuple[Evidence, ...], cost: str) -> str:
    """What was proved, what the chance of a wrong pair was, and what limits both."""
    parts = [_proved(question, evidence), *caveats(evidence)]
    return textwrap.fill(" ".join((f"{question}: PASS.", *parts, cost)), WIDTH)


def _proved(question: str, evidence: tuple[Evidence, ...]) -> str:
    if question == "linear":
        return "A is linear."
    if question == "variants":
        lines = [line for line in evidence if line.about == "variant"]
        tried = sum(line.status == "pass" for line in lines)
        rest = f"; {len(lines) - tried} do not apply to it" if tried < len(lines) else ""
        return f"All {tried} variants of the function that could be tried agree with it{rest}."
    proofs = [e for e in evidence if (e.about, e.status) == ("structure", "pass")]
    best = min(proofs, key=lambda e: (e.detection_limit or 0, e.false_acceptance or 0))
    limit, chance = best.detection_limit or 0, best.false_acceptance or 0
    seen = f"entry above {upper(limit)} of the largest of its row and column" if limit else ""
    if best.name == "tolerance":
        return "At is close to what it should be."
    if best.name == "every entry":
        size = "one of {} x {} entries".format(*best.entries) if best.entries else "entry"
        equal = f"Every {size} is equal{' up to rounding' if limit else ''}"
        if chance:
            wrong = f"a wrong {seen}" if seen else "a wrong pair"
            return f"{equal}; {wrong} passes with a chance below {upper(chance)}."
        return f"{equal}: a wrong {seen} would be seen." if seen else f"{equal}."
    wrong = f"A wrong {seen or ('family' if question.endswith('s') else 'pair')}"
    said = f"{wrong} passes with a chance below {upper(chance)}" if chance else f"{wrong} is seen"
    return f"{said}; of smaller ones nothing is known." if seen else f"{said}."


def failed(question: str, evidence: tuple[Evidence, ...], found: Found, cost: str) -> str:
    """The place, the cause and the size in the first line; then what else failed."""
    failures = [line for line in evidence if line.status == "fail" and line.name != "place"]
    cause, *others = found.explanation.split("\n")
    said = [_sentence(_unequal(line)) for line in failures]
    fundamental = any(line.about in ("input", "linearity") for line in failures)
    if found.place and not fundamental:
        parts = [f"{question}: FAIL at {found.place}."]
    else:
        parts = [f"{question}: FAIL. {said.pop(0)}"]
        said += [f"Wrong at {found.place}."] if found.place else []
    parts += [_sentence(cause)] if cause else []
    if found.size is not None:
        parts.append(f"|At - A^T| / |A| is about {found.size:.1g}.")
    text = [" ".join(parts), *others]
    for sentence in said:
        text += _indented(sentence, "  ", "    ")
    return "\n".join((*text, *_ending(evidence, cost)))


def undecided(question: str, evidence: tuple[Evidence, ...], subjects: list[str], cost: str) -> str:
    """What was not decided, why, and what to do about it."""
    parts, remedies = [], []
    for subject in subjects:
        lines = [e for e in evidence if (e.about, e.status) == (subject, "inconclusive")]
        whether = _WHETHER.get(question, f"whether it is {question}")
        whether = whether if subject == "structure" else _SUBJECTS[subject]
        reason = _blindness(lines) if subject == "structure" else _reasons(lines)
        parts.append(_sentence(f"not decided: {whether}" + (f" ({reason})" if reason else "")))
        known = [line.remedy for line in lines if line.remedy]
        remedies += known or ([_REMEDY] if subject == "structure" else [])
    head = f"{question}: INCONCLUSIVE. {parts[0]}"
    remaining = " ".join((*parts[1:], *dict.fromkeys(remedies)))
    return "\n".join((head, *_indented(remaining, "  ", "  "), *_ending(evidence, cost)))


def _ending(evidence: tuple[Evidence, ...], cost: str) -> list[str]:
    return [*(f"  {one}" for one in caveats(evidence)), f"  {cost}; report.details() shows more"]


def _blindness(lines: list[Evidence]) -> str:
    """How large a wrong entry could be without being seen."""
    limits = [line.detection_limit for line in lines if line.detection_limit]
    if not limits:
        return lines[0].text if lines else "there is no evidence on it"
    if not min(limits) <= 1:  # so that NaN is not
        return "rounding hides every entry: this evidence decides nothing"
    largest = "of the largest of its row and column"
    return f"a wrong entry below {upper(min(limits))} {largest} would not be seen"


def _reasons(lines: list[Evidence]) -> str:
    return "; ".join(line.text for line in lines if line.about in ("input", "linearity"))


def _unequal(line: Evidence) -> str:
    """A failure in plain words."""
    if line.name.startswith("linear: "):
        return f"{line.name.partition(' ')[2]} is not linear: {line.text}"
    if line.entries and line.wrong:
        return f"{line.wrong} of {line.entries[0]} x {line.entries[1]} entries differ"
    if line.about == "variant":
        return f"{line.name} {line.text}"
    return _UNEQUAL.get(line.name, line.text)


def caveats(evidence: Iterable[Evidence]) -> list[str]:
    """Each as a sentence, those that say the same of several functions as one."""
    said: dict[str, list[str]] = {}
    for line in evidence:
        subject, _, rest = line.caveat.partition(" ")
        if rest and subject not in said.setdefault(rest, []):
            said[rest].append(subject)
    return [_sentence(f"{' and '.join(who)} {rest}") for rest, who in said.items()]


def table(evidence: tuple[Evidence, ...]) -> list[str]:
    """Lines of a table, and below each of them what was done and found."""
    rows = [_HEADER, *map(_row, evidence)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for number, row in enumerate(rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  " + "  ".join(cells).rstrip())
        if number:
            lines += _indented(evidence[number - 1].text, "      ", "      ")
    return lines


_HEADER = ("evidence", "about", "status", "P(wrong passes)", "smallest seen", "A", "At", "s")


def _row(line: Evidence) -> tuple[str, ...]:
    limit = line.detection_limit
    return (
        line.name,
        line.about,
        line.status,
        _number(line.false_acceptance),
        "nothing" if limit is not None and not limit <= 1 else _number(limit),
        str(line.forward),
        str(line.backward),
        f"{line.seconds:.2g}",
    )


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return "0" if value == 0 else f"{value:.1e}"


def upper(value: float) -> str:
    """A number that is no smaller, of one digit: 2.91e-11 is '3e-11'."""
    exponent = math.floor(math.log10(value))
    digit = math.ceil(value / 10.0**exponent * (1 - 1e-12))
    if digit == 10:
        digit, exponent = 1, exponent + 1
    return f"{digit}e{exponent}" if exponent < -3 else f"{digit * 10.0**exponent:.4g}"


def duration(seconds: float) -> str:
    """Of two digits at most: '0.41 s', '75 s'."""
    if seconds < 0.01:
        return "0.01 s" if seconds else "0 s"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def _sentence(text: str) -> str:
    """With a full stop, and a capital letter unless the first word is some kind of code."""
    first = text.partition(" ")[0].rstrip(":,")
    text = text[:1].upper() + text[1:] if first.isalpha() and len(first) > 1 else text
    return text if text.endswith(".") else f"{text}."


def _indented(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=others)
