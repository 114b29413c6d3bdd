"""Time of a decision, step by step."""

from __future__ import annotations

import altair as alt

from hw_profiles.report.charts.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Specification,
    band_text,
    chart_of,
    finish,
)
from hw_profiles.report.document.costs import TimeAccount
from hw_profiles.report.units import (
    DURATIONS,
    fitting_unit,
    time_text,
)

BINDING_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, VERMILION, SKY)


def steps_chart(time: TimeAccount) -> Specification:
    """Each time step's length and band, coloured by the term that it waits for."""
    divisor, unit = fitting_unit(max(step.length.nominal for step in time.steps), DURATIONS)
    rows = [
        {
            "step": step.step,
            "length": step.length.nominal / divisor,
            "low": step.length.low / divisor,
            "high": step.length.high / divisor,
            "binding": step.binding,
            "text": band_text(step.length, time_text),
        }
        for step in time.steps
    ]
    kinds = list(dict.fromkeys(str(row["binding"]) for row in rows))
    base = chart_of(rows).encode(
        x=alt.X("step:O", title="time step of the decision", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        tooltip=[
            alt.Tooltip("step:O", title="time step"),
            alt.Tooltip("text:N", title="length"),
            alt.Tooltip("binding:N", title="waits for"),
        ],
    )
    bars = base.mark_bar().encode(
        y=alt.Y("length:Q", title=f"length, {unit}", axis=alt.Axis(grid=True)),
        color=alt.Color("binding:N", scale=alt.Scale(domain=kinds, range=list(BINDING_COLOURS[: len(kinds)]))),
    )
    whiskers = base.mark_rule(strokeWidth=1.5, color=GREY).encode(y="low:Q", y2="high:Q")
    return finish((bars, whiskers), height=180)
