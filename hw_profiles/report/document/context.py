"""Published and measured figures that a run is shown beside."""

from __future__ import annotations

from dataclasses import dataclass

from hw_profiles.pareto_front import ParetoFront
from hw_profiles.report.document.ranges import Band, Interval


@dataclass(frozen=True)
class OwnPlace:
    """The run itself, beside a front's points and by the front's profile.

    Attributes
    ----------
    energy_pj, events_pj
        Energy of a decision, the axis of the front, and without what constant power takes.
    """

    score: Interval
    synops: float
    energy_pj: float
    events_pj: float


@dataclass(frozen=True)
class ParetoFrontAnswer:
    """Where the run lies among policies of its task that were trained to spend more or less.

    Attributes
    ----------
    about
        A description of the front's points.
    own
        None where the front's profile cannot price the run.
    verdict
        Whether points of the front do as well for less; or why the run is not among them.
    """

    front: ParetoFront
    about: str
    own: OwnPlace | None
    verdict: str


@dataclass(frozen=True)
class ReportedBreakEven:
    """A published point beyond which spikes stop paying, and this run beside it.

    Attributes
    ----------
    authors, source
        Whose it is, where it stands, and what is compared.
    low, high, value
        The point, and what this run has, both in ``unit``.
    verdict
        On which side the run is, in words.
    """

    authors: str
    source: str
    low: float
    high: float
    value: float
    unit: str
    verdict: str


@dataclass(frozen=True)
class ReportedAnchor:
    """A measurement of a whole network by others, for scale."""

    title: str
    workload: str
    energy: Band
    grade: str
    source: str


@dataclass(frozen=True)
class Assumption:
    """A figure of a profile that an estimate rests on, with its evidence."""

    profile: str
    figure: str
    value: Band
    unit: str
    grade: str
    source: str
