"""Where spikes stop paying, as others worked it out, beside what a network did."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """On which side of a threshold a network lies."""

    below = "below: spikes may pay"
    within = "within the published range: undecided"
    above = "above: an ANN of the same size is cheaper"


@dataclass(frozen=True)
class Threshold:
    """One published break-even point, ``low == high`` where it is no range.

    Attributes
    ----------
    low, high
        Spikes a synapse passes in one inference; where ``a_step`` is true, in one time step.
    a_step
        Whether it is a rate, in spikes a neuron and time step.
    source
        Where it stands, and what it compares.
    """

    low: float
    high: float
    a_step: bool
    source: str


THRESHOLDS = (
    Threshold(0.15, 1.38, False, "Dampfhoffer et al., IEEE TETCI 7(3) 2023, by the case compared"),
    Threshold(1.72, 1.72, False, "Davidson and Furber, Frontiers in Neuroscience 15, 2021, on like digital hardware"),
    Threshold(
        0.057,
        0.064,
        True,
        "Yan et al., arXiv 2409.08290, against a quantised ANN of as many levels (5.7 % at 5 time steps in version 4, "
        "6.4 % at 5 to 10 in version 2)",
    ),
)


@dataclass(frozen=True)
class BreakEven:
    """A network beside one threshold; ``value`` is in the threshold's unit."""

    threshold: Threshold
    value: float
    verdict: Verdict


def break_even(spikes_per_synapse: float, active_steps: int) -> tuple[BreakEven, ...]:
    """A network beside every published threshold.

    Parameters
    ----------
    spikes_per_synapse
        Spikes that the average synapse passed in one decision: synaptic operations over synapses.
    active_steps
        T, by which spikes a decision become a rate.
    """
    return tuple(_beside(threshold, spikes_per_synapse, active_steps) for threshold in THRESHOLDS)


def _beside(threshold: Threshold, spikes_per_synapse: float, active_steps: int) -> BreakEven:
    value = spikes_per_synapse / active_steps if threshold.a_step else spikes_per_synapse
    if value < threshold.low:
        return BreakEven(threshold, value, Verdict.below)
    return BreakEven(threshold, value, Verdict.within if value <= threshold.high else Verdict.above)
