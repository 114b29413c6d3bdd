"""Published break-even points of spikes against an ANN."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from hw_profiles.report.charts.style import BLUE, ORANGE, WIDE_LABELS, Specification, chart_of, finish
from hw_profiles.report.document.context import ReportedBreakEven


def break_even_chart(points: Sequence[ReportedBreakEven]) -> Specification:
    """Published break-even points as bands, and this run as a dot beside each."""
    rows = [
        {
            "authors": point.authors,
            "low": point.low,
            "high": point.high,
            "value": point.value,
            "text": f"{_range_text(point.low, point.high)} {point.unit}",
            "ours": f"{point.value:.3g} {point.unit}",
            "verdict": point.verdict,
        }
        for point in points
    ]
    x = alt.X("low:Q", title="spikes per synapse (log scale)", scale=alt.Scale(type="log"))
    base = chart_of(rows).encode(
        y=alt.Y("authors:N", sort=None, title=None, axis=WIDE_LABELS),
        tooltip=[
            alt.Tooltip("authors:N", title="publication"),
            alt.Tooltip("text:N", title="break-even"),
            alt.Tooltip("ours:N", title="this run"),
            alt.Tooltip("verdict:N", title="so"),
        ],
    )
    bands = base.mark_rule(strokeWidth=8, opacity=0.4, color=ORANGE).encode(x=x, x2="high:Q")
    ends = base.mark_tick(color=ORANGE, thickness=3, bandSize=14).encode(x=x)
    ours = base.mark_circle(color=BLUE, size=90, opacity=1).encode(x=alt.X("value:Q"))
    return finish((bands, ends, ours), height=34 * len(rows))


def _range_text(low: float, high: float) -> str:
    return f"{low:.3g}" if low == high else f"{low:.3g} … {high:.3g}"
