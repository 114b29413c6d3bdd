"""Where a run lies among the policies of its task's front, in a sentence."""

from __future__ import annotations

from hw_profiles.energy import POWERS
from hw_profiles.pareto_front import FrontPoint, ParetoFront
from hw_profiles.report.document.answers import LayoutAnswer
from hw_profiles.report.document.context import OwnPlace, ParetoFrontAnswer
from hw_profiles.report.document.ranges import Interval
from hw_profiles.report.units import decimal_text, energy_text

DATA = {
    "D4RL": "D4RL's data",
    "stand-in": "stand-in data, so these are no D4RL results",
    "generated": "data that the environment's demonstrator generated",
}


def front_answer(front: ParetoFront, layout: LayoutAnswer, score: Interval, synops: float) -> ParetoFrontAnswer:
    """The run beside the front.

    Parameters
    ----------
    layout
        The run's layout as the front's profile prices it.
    score, synops
        The run's own.
    """
    if layout.energy is None:
        return ParetoFrontAnswer(front, about(front), None, f"This run is not marked: {layout.refusal}")
    events = sum(term.energy.nominal for term in layout.energy.terms if term.name not in POWERS)
    own = OwnPlace(score, synops, layout.energy.total.nominal, events)
    return ParetoFrontAnswer(front, about(front), own, _verdict(front, own))


def about(front: ParetoFront) -> str:
    """A description of the points."""
    seeds = f"seed{'s' if len(front.seeds) > 1 else ''} {', '.join(map(str, front.seeds))}"
    return (
        f"Each point is a policy ({front.model}) trained {_differing(front)} on {DATA[front.data]}: {seeds}, "
        f"{front.steps:,} steps, exported and run in fixed point for {front.episodes} episodes a seed. This run's "
        "policy has its own size and its own training."
    )


def _differing(front: ParetoFront) -> str:
    sized = any(point.size for point in front.points)
    return f"in another size or with another {front.option}" if sized else f"with another {front.option}"


def _verdict(front: ParetoFront, own: OwnPlace) -> str:
    """The sentence on points that score at least as much for at most as much energy."""
    if own.score.low is None:
        many = front.episodes
        return f"This run is one episode, the points are means of {many}: run episodes={many} to compare."
    better = [point for point in front.points if point.score >= own.score.mean and point.energy_pj <= own.energy_pj]
    taken = f"This run scores {decimal_text(own.score.mean)} for {energy_text(own.energy_pj)}"
    if not better:
        return f"{taken}; no point of the front scores as much for less."
    cheapest = min(better, key=lambda point: point.energy_pj)
    count = f"{len(better)} of {len(front.points)} points score" if len(better) > 1 else "one point scores"
    return (
        f"{taken}; {count} at least as much for less, the cheapest ({_named(front, cheapest)}) "
        f"{decimal_text(cheapest.score)} for {energy_text(cheapest.energy_pj)}."
    )


def _named(front: ParetoFront, point: FrontPoint) -> str:
    return ", ".join(filter(None, (point.size, f"{front.option}={point.price:g}")))
