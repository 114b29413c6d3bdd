"""Scores through the conversion of a policy."""

from __future__ import annotations

import altair as alt

from hw_profiles.report.charts.style import BLUE, Specification, chart_of, finish
from hw_profiles.report.document.run import ReportedStages


def stages_chart(stages: ReportedStages) -> Specification:
    """Score at each stage of the conversion, with its interval."""
    rows = [
        {
            "stage": stage.name,
            "score": stage.score.mean,
            "low": stage.score.mean if stage.score.low is None else stage.score.low,
            "high": stage.score.mean if stage.score.high is None else stage.score.high,
        }
        for stage in stages.stages
    ]
    base = chart_of(rows).encode(
        y=alt.Y("stage:N", sort=None, title=None),
        tooltip=[
            "stage:N",
            alt.Tooltip("score:Q", format=".1f"),
            alt.Tooltip("low:Q", format=".1f"),
            alt.Tooltip("high:Q", format=".1f"),
        ],
    )
    x = alt.X("score:Q", title="normalised score, with 95 % interval", scale=alt.Scale(zero=False))
    bands = base.mark_rule(strokeWidth=5, opacity=0.35, color=BLUE).encode(
        x=alt.X("low:Q", scale=alt.Scale(zero=False)), x2="high:Q"
    )
    return finish((bands, base.mark_circle(size=90, opacity=1, color=BLUE).encode(x=x)), height=34 * len(rows))
