"""A run's program beside a chip's integers, in words."""

from __future__ import annotations

from collections.abc import Sequence

from hw_profiles.chip_arithmetic import ChipArithmetic, Departure, Extreme, bits_left, counted, nodes_of, standing
from hw_profiles.profile import Profile
from hw_profiles.report.document.arithmetic import ArithmeticAnswer, ReportedArrival


def arithmetic_answer(profile: Profile, extremes: Sequence[Extreme]) -> ArithmeticAnswer | None:
    """The program's extremes by the profile's arithmetic; None where the profile or the run states none."""
    if profile.capacity is None or not extremes:
        return None
    arithmetic = ChipArithmetic.of(profile.capacity)
    if arithmetic.state_bits is None:
        return None
    departures = arithmetic.departures(extremes)
    return ArithmeticAnswer(
        _sentence(profile, arithmetic, extremes, departures),
        arithmetic.accumulator_bits,
        tuple(_arrival(extreme, arithmetic) for extreme in extremes if extreme.quantity == "arrival"),
        tuple(map(str, departures)),
    )


def _arrival(extreme: Extreme, arithmetic: ChipArithmetic) -> ReportedArrival:
    limit, observed = arithmetic.limit(extreme), extreme.observed
    return ReportedArrival(
        extreme.node,
        extreme.bound,
        observed,
        None if limit is None else bits_left(extreme.bound, limit),
        None if limit is None or observed is None else bits_left(observed, limit),
    )


def _sentence(
    profile: Profile, arithmetic: ChipArithmetic, extremes: Sequence[Extreme], departures: Sequence[Departure]
) -> str:
    nodes = nodes_of(extremes)
    match standing(departures):
        case "proven":
            told = f"is inside it at all {nodes} nodes, proven"
        case "observed":
            beyond = nodes_of(departures)
            told = f"is inside it at {nodes - beyond} of {nodes} nodes, proven, and at {beyond} as far as observed"
        case "outside":
            told = f"leaves it at {nodes_of(departures)} of {nodes} nodes: {counted(departures)}"
    unknown = f" Nothing public states its {', '.join(arithmetic.unstated)}." if arithmetic.unstated else ""
    return f"As far as the arithmetic of {profile.name} is known, the program {told}.{unknown}"
