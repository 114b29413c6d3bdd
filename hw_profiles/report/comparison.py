"""Two runs of one task beside each other: what changed in score, energy, time and cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from dsf_common.errors import UserError
from dsf_common.text_table import text_table
from hw_profiles.report.document.answers import LayoutAnswer
from hw_profiles.report.document.ranges import Band, Interval
from hw_profiles.report.document.report import Report
from hw_profiles.report.units import decimal_text, energy_text, number_text, time_text


@dataclass(frozen=True)
class Value:
    """One of two compared values: nominal, its band or interval where it has one, and both in words."""

    nominal: float
    low: float | None
    high: float | None
    text: str


@dataclass(frozen=True)
class Change:
    """One quantity of both runs; ``change`` says what became of it, in words. A value may be unknown."""

    quantity: str
    profile: str | None
    layout: str | None
    first: Value | None
    second: Value | None
    change: str

    @property
    def title(self) -> str:
        """The quantity, and by which profile and layout."""
        return ", ".join(filter(None, (self.quantity, self.profile, self.layout)))


@dataclass(frozen=True)
class Comparison:
    """Two runs of one environment.

    Attributes
    ----------
    names
        Where the runs are.
    runs
        Policy and backend of each, in words.
    """

    environment: str
    names: tuple[str, str]
    runs: tuple[str, str]
    changes: tuple[Change, ...]

    def document(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def compare(names: tuple[str, str], reports: tuple[Report, Report]) -> Comparison:
    """The changes from the first run to the second.

    Raises
    ------
    UserError
        They are of different environments, whose scores and costs mean different things.
    """
    first, second = reports
    if first.task.environment != second.task.environment:
        raise UserError(
            f"{names[0]} is of {first.task.environment} and {names[1]} of {second.task.environment}: "
            "compare two runs of one environment"
        )
    described = [f"policy {report.task.policy} on {report.task.backend}" for report in reports]
    score = _change("score", None, None, _score(first.task.score), _score(second.task.score), _difference)
    same_kind = first.of_program == second.of_program
    pairs = _both_layouts(first, second)
    costs = [change for name, one, other in pairs for change in _costs(name, one, other, same_kind)]
    return Comparison(first.task.environment, names, (described[0], described[1]), (score, *costs))


def comparison_text(comparison: Comparison) -> str:
    """A table, one quantity a line."""
    rows = [("", "A", "B", "A to B")]
    rows += [(change.title, _text(change.first), _text(change.second), change.change) for change in comparison.changes]
    runs = [
        f"{letter}: {name}, {run}" for letter, name, run in zip("AB", comparison.names, comparison.runs, strict=True)
    ]
    return "\n".join([comparison.environment, *runs, "", text_table(rows, numbers=False)])


def _both_layouts(first: Report, second: Report) -> Iterator[tuple[str, LayoutAnswer, LayoutAnswer]]:
    """Profile and layout that both reports have."""
    theirs = {(answer.name, layout.name): layout for answer in second.profiles for layout in answer.layouts}
    for answer in first.profiles:
        for layout in answer.layouts:
            if (answer.name, layout.name) in theirs:
                yield answer.name, layout, theirs[answer.name, layout.name]


def _costs(profile: str, first: LayoutAnswer, second: LayoutAnswer, same_kind: bool) -> list[Change]:
    """The costs of both. A run of the trained model counts no idle updates, so beside a program's it may count less."""
    ratio = _ratio if same_kind or _terms(first) == _terms(second) else _not_comparable
    pairs: list[tuple[str, Value | None, Value | None]] = [
        ("energy a decision", _energy(first), _energy(second)),
        ("time a decision", _time(first), _time(second)),
        ("cores", _cores(first), _cores(second)),
    ]
    return [
        _change(quantity, profile, first.name, before, after, ratio)
        for quantity, before, after in pairs
        if before is not None or after is not None
    ]


def _change(
    quantity: str,
    profile: str | None,
    layout: str | None,
    first: Value | None,
    second: Value | None,
    change: Callable[[float, float], str],
) -> Change:
    words = change(first.nominal, second.nominal) if first and second else "unknown"
    return Change(quantity, profile, layout, first, second, words)


def _difference(before: float, after: float) -> str:
    return decimal_text(after - before, signed=True)


def _ratio(before: float, after: float) -> str:
    if before == after:
        return "the same"
    return f"{after / before:.3g} times" if before else "from nothing"


def _not_comparable(_before: float, _after: float) -> str:
    return "not comparable: one is of the trained model, which counts no idle updates"


def _terms(layout: LayoutAnswer) -> set[str]:
    return set() if layout.energy is None else {cost.name for cost in layout.energy.terms}


def _score(score: Interval) -> Value:
    text = decimal_text(score.mean)
    if score.low is not None and score.high is not None:
        text += f" ({decimal_text(score.low)} … {decimal_text(score.high)})"
    return Value(score.mean, score.low, score.high, text)


def _energy(layout: LayoutAnswer) -> Value | None:
    return None if layout.energy is None else _banded(layout.energy.total, energy_text)


def _time(layout: LayoutAnswer) -> Value | None:
    return None if layout.time is None else _banded(layout.time.fall_through, time_text)


def _cores(layout: LayoutAnswer) -> Value | None:
    if layout.placement is None:
        return None
    cores = layout.placement.cores
    return Value(cores, None, None, number_text(cores))


def _banded(band: Band, text: Callable[[float], str]) -> Value:
    words = text(band.nominal) + ("" if band.is_exact else f" ({text(band.low)} … {text(band.high)})")
    return Value(band.nominal, band.low, band.high, words)


def _text(value: Value | None) -> str:
    return "unknown" if value is None else value.text
