"""The chart of a front: score against energy, the run marked."""

from __future__ import annotations

import altair as alt

from hw_profiles.report.charts.style import BLUE, GREY, VERMILION, Specification, chart_of, finish
from hw_profiles.report.document.context import ParetoFrontAnswer
from hw_profiles.report.units import ENERGIES, decimal_text, energy_text, fitting_unit, number_text

FRONT, OWN = "the front", "this run"


def front_chart(answer: ParetoFrontAnswer) -> Specification:
    """A dot a point, labelled by its size and price, and a diamond for the run, with their errors."""
    points, own = answer.front.points, answer.own
    divisor, unit = fitting_unit(max(point.energy_pj for point in points), ENERGIES)
    rows = [
        _row(
            FRONT,
            ", ".join(filter(None, (point.size, f"{point.price:g}"))),
            point.score,
            (point.score - (point.standard_error or 0.0), point.score + (point.standard_error or 0.0)),
            point.energy_pj,
            divisor,
            point.synops,
        )
        for point in points
        if point.energy_pj > 0
    ]
    if own is not None and own.energy_pj > 0:
        ends = (
            own.score.mean if own.score.low is None else own.score.low,
            own.score.mean if own.score.high is None else own.score.high,
        )
        rows.append(_row(OWN, OWN, own.score.mean, ends, own.energy_pj, divisor, own.synops))
    kinds = [FRONT, OWN] if own is not None else [FRONT]
    across = alt.Scale(type="log", nice=False, padding=24)
    base = chart_of(rows).encode(x=alt.X("energy:Q", title=f"energy a decision, {unit} (log scale)", scale=across))
    y = alt.Y("score:Q", title="normalised score", scale=alt.Scale(zero=False), axis=alt.Axis(grid=True))
    low = y.copy()
    low.shorthand = "low:Q"
    colour = alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=[BLUE, VERMILION][: len(kinds)]))
    shapes = alt.Scale(domain=kinds, range=["circle", "diamond"][: len(kinds)])
    marks = base.mark_point(size=110, filled=True, opacity=1).encode(
        y=y,
        color=colour,
        shape=alt.Shape("kind:N", scale=shapes),
        tooltip=[
            alt.Tooltip("kind:N", title="of"),
            alt.Tooltip("price:N", title=answer.front.option),
            alt.Tooltip("scored:N", title="score"),
            alt.Tooltip("text:N", title="energy a decision"),
            alt.Tooltip("synops:N", title="synops"),
        ],
    )
    errors = base.mark_rule(strokeWidth=2, opacity=0.5).encode(y=low, y2="high:Q", color=colour)
    labels = base.mark_text(align="left", dx=9, dy=-7, fontSize=11, color=GREY).encode(y=y, text="price:N")
    return finish((errors, marks, labels), height=260)


def _row(
    kind: str,
    price: str,
    score: float,
    ends: tuple[float, float],
    energy_pj: float,
    divisor: float,
    synops: float,
) -> dict[str, object]:
    return {
        "kind": kind,
        "price": price,
        "score": score,
        "low": ends[0],
        "high": ends[1],
        "energy": energy_pj / divisor,
        "text": energy_text(energy_pj),
        "scored": decimal_text(score),
        "synops": number_text(synops),
    }
