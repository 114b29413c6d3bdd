"""A network on its chip: the mesh of cores, and how many cores each chip takes."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from hw_profiles.report.charts.style import BLUE, ORANGE, Specification, chart_of, finish
from hw_profiles.report.document.answers import ProfileAnswer
from hw_profiles.report.document.placement import CorePlace
from hw_profiles.report.units import (
    number_text,
    percent_text,
)


def mesh_chart(mesh: Sequence[CorePlace], by_traffic: bool) -> Specification:
    """The chip's cores where they lie, coloured by utilisation or by traffic; an empty core is pale."""
    columns = 1 + max(core.column for core in mesh)
    rows = [
        {
            "x": core.column + core.chip * (columns + 1),
            "y": core.row,
            "value": core.traffic if by_traffic else core.utilisation,
            "layers": ", ".join(core.layers) or "empty",
            "neurons": number_text(core.neurons),
            "use": f"{percent_text(core.utilisation)} of {core.fullest}" if core.layers else "0 %",
            "traffic": f"{number_text(core.traffic)} messages",
            "chip": core.chip,
        }
        for core in mesh
    ]
    title = "messages a decision" if by_traffic else "share of the fullest resource"
    most = max(core.traffic for core in mesh) if by_traffic else 1.0
    chips = 1 + max(core.chip for core in mesh)
    height = min(26.0 * (1 + max(core.row for core in mesh)), 420.0)
    chart = (
        chart_of(rows)
        .mark_rect(stroke="#8888", strokeWidth=0.5)
        .encode(
            x=alt.X(
                "x:O", axis=None, scale=alt.Scale(domain=list(range(chips * (columns + 1) - 1)), paddingInner=0.08)
            ),
            y=alt.Y("y:O", axis=None, scale=alt.Scale(paddingInner=0.08)),
            color=alt.condition(
                "datum.layers == 'empty'",
                alt.value("#8882"),
                alt.Color(
                    "value:Q",
                    scale=alt.Scale(scheme="cividis", domain=[0, most]),
                    legend=alt.Legend(
                        title=title, orient="top", format=",.0f" if by_traffic else ".0%", gradientLength=200
                    ),
                ),
            ),
            tooltip=[
                alt.Tooltip("layers:N", title="layers"),
                alt.Tooltip("neurons:N", title="neurons"),
                alt.Tooltip("use:N", title="fullest"),
                alt.Tooltip("traffic:N", title="traffic"),
                alt.Tooltip("chip:O", title="chip"),
            ],
        )
    )
    return finish((chart,), height=height)


def cores_chart(answers: Sequence[ProfileAnswer]) -> Specification | None:
    """Cores that each chip takes, the layouts beside one another; None where nothing could be placed."""
    rows = [
        {
            "profile": answer.name,
            "layout": layout.name,
            "cores": layout.placement.cores,
            "chips": layout.placement.chips,
        }
        for answer in answers
        for layout in answer.layouts
        if layout.placement is not None
    ]
    if not rows:
        return None
    profiles = list(dict.fromkeys(str(row["profile"]) for row in rows))
    chart = (
        chart_of(rows)
        .mark_bar()
        .encode(
            y=alt.Y("profile:N", sort=profiles, title=None),
            yOffset=alt.YOffset("layout:N", sort=["stream", "window"]),
            x=alt.X("cores:Q", title="cores"),
            color=alt.Color("layout:N", scale=alt.Scale(domain=["stream", "window"], range=[BLUE, ORANGE])),
            tooltip=["profile:N", "layout:N", "cores:Q", "chips:Q"],
        )
    )
    return finish((chart,), height=40 * len(profiles))
