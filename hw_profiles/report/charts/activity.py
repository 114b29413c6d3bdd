"""Firing rates, and every spike of one decision."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from hw_profiles.report.charts.style import BLUE, ROW, VERMILION, Specification, chart_of, finish
from hw_profiles.report.document.activity import LayerRate, Raster
from hw_profiles.report.units import (
    number_text,
    percent_text,
)


def rates_chart(rates: Sequence[LayerRate]) -> Specification:
    """Firing rate of each layer, attention marked."""
    rows = [
        {
            "layer": rate.name,
            "part": _part(rate.attention),
            "rate": rate.firing_rate,
            "text": percent_text(rate.firing_rate),
            "spikes": number_text(rate.spikes),
        }
        for rate in rates
        if rate.firing_rate is not None
    ]
    chart = (
        chart_of(rows)
        .mark_bar(height=12)
        .encode(
            y=alt.Y("layer:N", sort=None, title=None),
            x=alt.X("rate:Q", title="spikes a neuron and step", axis=alt.Axis(format=".0%")),
            color=_part_colour(),
            tooltip=[
                alt.Tooltip("layer:N", title="layer"),
                alt.Tooltip("text:N", title="rate"),
                alt.Tooltip("spikes:N", title="spikes a decision"),
            ],
        )
    )
    return finish((chart,), height=ROW * len(rows))


def raster_chart(raster: Raster) -> Specification:
    """Every spike of one decision: time steps to the right, each layer a band of equal height, attention marked."""
    band_of_row = [(place, layer) for place, layer in enumerate(raster.layers) for _ in range(layer.size)]
    rows = []
    for row, step in zip(raster.rows, raster.steps, strict=True):
        place, layer = band_of_row[row]
        neuron = row - layer.first_row
        rows.append(
            {
                "step": step,
                "y": place + 0.08 + 0.84 * (neuron + 0.5) / layer.size,
                "layer": layer.name,
                "neuron": neuron,
                "part": _part(layer.attention),
            }
        )
    bands = [
        {
            "top": place + 0.04,
            "end": place + 0.96,
            "from": -0.5,
            "to": raster.time_steps - 0.5,
            "part": _part(layer.attention),
        }
        for place, layer in enumerate(raster.layers)
    ]
    names = ", ".join(f"'{layer.name}'" for layer in raster.layers)
    scale = alt.Scale(domain=[0, len(raster.layers)], reverse=True, nice=False)
    axis = alt.Axis(
        values=[place + 0.5 for place in range(len(raster.layers))],
        labelExpr=f"[{names}][floor(datum.value)]",
        grid=False,
        labelOverlap=False,
        tickCount=len(raster.layers),
    )
    x = alt.X(
        "step:Q",
        title="time step of the decision",
        scale=alt.Scale(domain=[-0.5, raster.time_steps - 0.5], nice=False),
        axis=alt.Axis(tickMinStep=1, format="d", grid=False),
    )
    background = (
        chart_of(bands)
        .mark_rect(opacity=0.1)
        .encode(
            x=alt.X("from:Q"),
            x2="to:Q",
            y=alt.Y("top:Q", title=None, scale=scale, axis=axis),
            y2="end:Q",
            color=_part_colour(),
        )
    )
    spikes = (
        chart_of(rows)
        .mark_tick(orient="horizontal", thickness=1.2, size=alt.ExprRef("max(2, width / 45)"), opacity=0.85)
        .encode(
            x=x,
            y=alt.Y("y:Q", title=None, scale=scale, axis=axis),
            color=_part_colour(),
            tooltip=[
                alt.Tooltip("layer:N", title="layer"),
                alt.Tooltip("neuron:Q", title="neuron"),
                alt.Tooltip("step:Q", title="time step"),
            ],
        )
    )
    return finish((background, spikes), height=30 * len(raster.layers))


def _part(attention: bool) -> str:
    return "attention" if attention else "other layers"


def _part_colour() -> alt.Color:
    scale = alt.Scale(domain=["attention", "other layers"], range=[VERMILION, BLUE])
    return alt.Color("part:N", scale=scale, legend=alt.Legend(symbolOpacity=1))
