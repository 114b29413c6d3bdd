"""Scores through the conversion of a policy."""

from __future__ import annotations

import altair as alt

from hw_profiles.report.charts.style import BLUE, Specification, chart_of, finish
from hw_profiles.report.document.run import ReportedStages

LEAST_SPAN = 20.0  # of the axis, in points of 100: from a random policy to the reference it would be 100


def stages_chart(stages: ReportedStages) -> Specification:
    """Score at each stage of the conversion, with its interval where several episodes give one."""
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
    scale = alt.Scale(domain=_domain(stages), nice=False)
    known = all(stage.score.low is not None for stage in stages.stages)
    x = alt.X("score:Q", title="normalised score" + (", with 95 % interval" if known else ""), scale=scale)
    bands = base.mark_rule(strokeWidth=5, opacity=0.35, color=BLUE).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    return finish((bands, base.mark_circle(size=90, opacity=1, color=BLUE).encode(x=x)), height=34 * len(rows))


def _domain(stages: ReportedStages) -> tuple[float, float]:
    """All stages with their intervals, and no less than :data:`LEAST_SPAN`, so that a small change looks small."""
    scores = [stage.score for stage in stages.stages]
    low = min(score.mean if score.low is None else score.low for score in scores)
    high = max(score.mean if score.high is None else score.high for score in scores)
    margin = max(0.05 * (high - low), (LEAST_SPAN - (high - low)) / 2)
    return low - margin, high + margin
