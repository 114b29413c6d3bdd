"""The look that all charts share, and the parts that several are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

# Long names get a third of the chart.
WIDE_LABELS = alt.Axis(labelLimit=alt.ExprRef("containerSize()[0] * 0.37"))

Specification = dict[str, Any]
Rows = Sequence[dict[str, object]]

ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#808080"  # seen on a light and on a dark page
ROW = 22  # height of a bar with its gap, in pixels

# Text and lines take the page's colours from its style sheet, so that they follow dark mode.
CONFIG: Specification = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 170,
        "ticks": False,
        "labelPadding": 6,
    },
    "axisQuantitative": {"tickCount": 6, "labelOverlap": "greedy"},
    "axisY": {"grid": False, "domain": False},
    "legend": {
        "labelFontSize": 12,
        "orient": "top",
        "title": None,
        "columns": {"expr": "containerSize()[0] < 500 ? 2 : 6"},
        "symbolType": "square",
    },
    "aria": False,
}


def chart_of(rows: Rows) -> alt.Chart:
    """A chart of rows that it carries itself."""
    return alt.Chart(alt.InlineData(values=list(rows)))


def finish(layers: Sequence[alt.Chart], height: float) -> Specification:
    """As wide as the page, in the page's style."""
    chart = layers[0] if len(layers) == 1 else alt.LayerChart(layer=list(layers))
    specification: Specification = chart.properties(width="container", height=height).to_dict(validate=False)
    return {**specification, "config": CONFIG, "autosize": {"type": "fit-x", "contains": "padding"}}


def whisker(rows: Rows, y: str, order: list[str] | None) -> alt.Chart:
    """Bands as thin lines over bars."""
    axis = alt.Y(f"{y}:N", sort=order, title=None)
    chart: alt.Chart = (
        chart_of(rows)
        .mark_rule(strokeWidth=1.5, color=GREY)
        .encode(y=axis, x="low:Q", x2="high:Q", tooltip=[alt.Tooltip("text:N", title="with its band")])
    )
    return chart


def low_end(x: alt.X) -> alt.X:
    """The same axis for the lower end of a band."""
    low = x.copy()
    low.shorthand = "low:Q"
    return low


def band_text(band: Any, text: Any) -> str:
    nominal: str = text(band.nominal)
    return nominal if band.is_exact else f"{nominal} ({text(band.low)} … {text(band.high)})"
