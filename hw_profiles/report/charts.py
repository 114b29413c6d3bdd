"""The page's charts, as Vega-Lite specifications: each is a function of a part of the document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from hw_profiles.report.document import (
    Baseline,
    CorePlace,
    EnergyAccount,
    LayerRate,
    ProfileAnswer,
    Raster,
    ReportedBreakEven,
    ReportedStages,
    TimeAccount,
)
from hw_profiles.report.families import COLOURS, family_of
from hw_profiles.report.units import (
    DURATIONS,
    ENERGIES,
    energy_text,
    fitting_unit,
    number_text,
    percent_text,
    time_text,
)

# Long names get a third of the chart.
WIDE_LABELS = alt.Axis(labelLimit=alt.ExprRef("containerSize()[0] * 0.37"))

Specification = dict[str, Any]
Rows = Sequence[dict[str, object]]

ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
KIND_COLOURS = {"chip": BLUE, "convention": ORANGE, "processor": PURPLE, "ANN": VERMILION}
BINDING_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, VERMILION, SKY)
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


def terms_chart(account: EnergyAccount) -> Specification:
    """What each term takes, as dots with their bands on a logarithmic axis: terms differ by orders of magnitude."""
    divisor, unit = fitting_unit(account.total.nominal, ENERGIES)
    rows = [
        {
            "term": cost.name,
            "family": family_of(cost.name),
            "energy": cost.energy.nominal / divisor,
            "low": max(cost.energy.low, cost.energy.nominal * 1e-3, 1e-9) / divisor,
            "high": cost.energy.high / divisor,
            "text": _band_text(cost.energy, energy_text),
        }
        for cost in sorted(account.terms, key=lambda cost: -cost.energy.nominal)
        if cost.energy.nominal > 0
    ]
    base = chart_of(rows).encode(
        y=alt.Y("term:N", sort=None, title=None),
        color=alt.Color("family:N", scale=_family_scale(rows), legend=None),
        tooltip=[alt.Tooltip("term:N", title="term"), alt.Tooltip("text:N", title="energy")],
    )
    x = alt.X("energy:Q", title=f"energy a decision, {unit} (log scale)", scale=alt.Scale(type="log"))
    bands = base.mark_rule(strokeWidth=5, opacity=0.35).encode(x=x.copy(), x2="high:Q").encode(x=_low(x))
    return finish((bands, base.mark_circle(size=90, opacity=1).encode(x=x)), height=ROW * len(rows))


def stack_chart(account: EnergyAccount) -> Specification:
    """The whole decision as one stacked bar, with the band of the total."""
    divisor, unit = fitting_unit(account.total.nominal, ENERGIES)
    families: dict[str, float] = {}
    for cost in account.terms:
        families[family_of(cost.name)] = families.get(family_of(cost.name), 0.0) + cost.energy.nominal
    rows = [
        {"row": "decision", "family": family, "energy": energy / divisor, "text": energy_text(energy)}
        for family, energy in families.items()
        if energy > 0
    ]
    bars = (
        chart_of(rows)
        .mark_bar(height=26)
        .encode(
            y=alt.Y("row:N", title=None, axis=None),
            x=alt.X("energy:Q", stack="zero", title=f"energy a decision, {unit}"),
            color=alt.Color("family:N", scale=_family_scale(rows)),
            order=alt.Order("energy:Q", sort="descending"),
            tooltip=[alt.Tooltip("family:N", title="family"), alt.Tooltip("text:N", title="energy")],
        )
    )
    whisker = _whisker(
        [
            {
                "row": "decision",
                "low": account.total.low / divisor,
                "high": account.total.high / divisor,
                "text": _band_text(account.total, energy_text),
            }
        ],
        "row",
        None,
    )
    return finish((bars, whisker), height=44)


def layers_chart(account: EnergyAccount) -> Specification | None:
    """Each layer's energy as a bar stacked by family, with the band of its sum; None where no term has a layer."""
    layers = [layer for layer in account.layers if any(line.layer == layer.name for line in account.lines)]
    if not layers:
        return None
    divisor, unit = fitting_unit(max(layer.energy.nominal for layer in layers), ENERGIES)
    order = [layer.name for layer in layers]
    sums: dict[tuple[str, str], float] = {}
    for layer in layers:
        for cost in layer.terms:
            key = (layer.name, family_of(cost.name))
            sums[key] = sums.get(key, 0.0) + cost.energy.nominal
    rows = [
        {"layer": layer, "family": family, "energy": energy / divisor, "text": energy_text(energy)}
        for (layer, family), energy in sums.items()
    ]
    bars = (
        chart_of(rows)
        .mark_bar(height=12)
        .encode(
            y=alt.Y("layer:N", sort=order, title=None),
            x=alt.X("energy:Q", stack="zero", title=f"energy a decision, {unit}"),
            color=alt.Color("family:N", scale=_family_scale(rows)),
            tooltip=[
                alt.Tooltip("layer:N", title="layer"),
                alt.Tooltip("family:N", title="family"),
                alt.Tooltip("text:N", title="energy"),
            ],
        )
    )
    whiskers = _whisker(
        [
            {
                "layer": layer.name,
                "low": layer.energy.low / divisor,
                "high": layer.energy.high / divisor,
                "text": _band_text(layer.energy, energy_text),
            }
            for layer in layers
        ],
        "layer",
        order,
    )
    return finish((bars, whiskers), height=ROW * len(layers))


def profiles_chart(answers: Sequence[ProfileAnswer], baselines: Sequence[Baseline], layout: str) -> Specification:
    """A decision by every profile and ANN baseline: dots with bands on a logarithmic axis."""
    entries = [
        (answer.name, answer.title, answer.kind, account.total)
        for answer in answers
        if (account := _account(answer, layout)) is not None
    ]
    entries += [(baseline.short_title, baseline.title, "ANN", baseline.energy) for baseline in baselines]
    rows = [
        {
            "name": name,
            "title": title,
            "kind": kind,
            "energy": energy.nominal / 1e6,
            "low": max(energy.low, energy.nominal * 1e-3) / 1e6,
            "high": energy.high / 1e6,
            "text": _band_text(energy, energy_text),
        }
        for name, title, kind, energy in sorted(entries, key=lambda entry: entry[3].nominal)
        if energy.nominal > 0
    ]
    kinds = [kind for kind in KIND_COLOURS if any(row["kind"] == kind for row in rows)]
    colours = alt.Scale(domain=kinds, range=[KIND_COLOURS[kind] for kind in kinds])
    base = chart_of(rows).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=WIDE_LABELS),
        color=alt.Color("kind:N", scale=colours),
        tooltip=[
            alt.Tooltip("title:N", title="by"),
            alt.Tooltip("kind:N", title="kind"),
            alt.Tooltip("text:N", title="energy"),
        ],
    )
    x = alt.X("energy:Q", title="energy a decision, µJ (log scale)", scale=alt.Scale(type="log"))
    bands = base.mark_rule(strokeWidth=5, opacity=0.35).encode(x=_low(x), x2="high:Q")
    points = base.mark_point(size=80, filled=True, opacity=1).encode(
        x=x, shape=alt.Shape("kind:N", scale=alt.Scale(domain=kinds), legend=None)
    )
    return finish((bands, points), height=ROW * len(rows))


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
            "text": _band_text(step.length, time_text),
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


def chart_of(rows: Rows) -> alt.Chart:
    """A chart of rows that it carries itself."""
    return alt.Chart(alt.InlineData(values=list(rows)))


def finish(layers: Sequence[alt.Chart], height: float) -> Specification:
    """As wide as the page, in the page's style."""
    chart = layers[0] if len(layers) == 1 else alt.LayerChart(layer=list(layers))
    specification: Specification = chart.properties(width="container", height=height).to_dict(validate=False)
    return {**specification, "config": CONFIG, "autosize": {"type": "fit-x", "contains": "padding"}}


def _whisker(rows: Rows, y: str, order: list[str] | None) -> alt.Chart:
    """Bands as thin lines over bars."""
    axis = alt.Y(f"{y}:N", sort=order, title=None)
    chart: alt.Chart = (
        chart_of(rows)
        .mark_rule(strokeWidth=1.5, color=GREY)
        .encode(y=axis, x="low:Q", x2="high:Q", tooltip=[alt.Tooltip("text:N", title="with its band")])
    )
    return chart


def _low(x: alt.X) -> alt.X:
    """The same axis for the lower end of a band."""
    low = x.copy()
    low.shorthand = "low:Q"
    return low


def _family_scale(rows: Rows) -> alt.Scale:
    families = [family for family in COLOURS if any(row["family"] == family for row in rows)]
    return alt.Scale(domain=families, range=[COLOURS[family] for family in families])


def _part(attention: bool) -> str:
    return "attention" if attention else "other layers"


def _part_colour() -> alt.Color:
    scale = alt.Scale(domain=["attention", "other layers"], range=[VERMILION, BLUE])
    return alt.Color("part:N", scale=scale, legend=alt.Legend(symbolOpacity=1))


def _account(answer: ProfileAnswer, layout: str) -> EnergyAccount | None:
    """The account of the layout, or the only one of a profile that places nothing."""
    chosen = next((each for each in answer.layouts if each.name == layout), answer.layouts[0])
    return chosen.energy


def _band_text(band: Any, text: Any) -> str:
    nominal: str = text(band.nominal)
    return nominal if band.is_exact else f"{nominal} ({text(band.low)} … {text(band.high)})"


def _range_text(low: float, high: float) -> str:
    return f"{low:.3g}" if low == high else f"{low:.3g} … {high:.3g}"
