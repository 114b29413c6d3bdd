"""Energy and time of a decision."""

from __future__ import annotations

from dataclasses import dataclass

from hw_profiles.report.document.ranges import Band


@dataclass(frozen=True)
class Cost:
    """Energy with the name of what it is spent on: a term, a layer, or a term of a layer."""

    name: str
    energy: Band


@dataclass(frozen=True)
class LayerCost:
    """A layer's energy and its terms; what belongs to no layer (static power, the host) is a layer of its own."""

    name: str
    energy: Band
    terms: tuple[Cost, ...]


@dataclass(frozen=True)
class PricedCount:
    """One line of the account: so many events at so much each, and how that is known."""

    term: str
    layer: str | None
    count: float
    each: Band
    energy: Band
    grade: str
    source: str


@dataclass(frozen=True)
class EnergyAccount:
    """Energy of a decision, by term, by layer, and line by line."""

    total: Band
    terms: tuple[Cost, ...]
    layers: tuple[LayerCost, ...]
    lines: tuple[PricedCount, ...]
    not_counted: tuple[str, ...]


@dataclass(frozen=True)
class ReportedStep:
    """A time step's length, and the term it waits for."""

    step: int
    length: Band
    binding: str


@dataclass(frozen=True)
class TimeAccount:
    """How long a decision takes.

    Attributes
    ----------
    fall_through
        From the token to the action.
    pipelined
        Between two actions, when the next token enters before the last has left.
    binding
        The term that most time steps wait for.
    steps
        Time step by time step.
    assumptions, not_counted
        Sentences on the limits of the band beyond the sum of the parts; events without a published time.
    """

    fall_through: Band
    pipelined: Band
    binding: str
    steps: tuple[ReportedStep, ...]
    assumptions: tuple[str, ...]
    not_counted: tuple[str, ...]
