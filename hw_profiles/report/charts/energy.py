"""Energy of a decision: by term, by layer, by profile."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from hw_profiles.report.charts.style import (
    BLUE,
    ORANGE,
    PURPLE,
    ROW,
    VERMILION,
    WIDE_LABELS,
    Rows,
    Specification,
    band_text,
    chart_of,
    finish,
    low_end,
    whisker,
)
from hw_profiles.report.document.answers import MEASURED, PRICED, Baseline, ProfileAnswer
from hw_profiles.report.document.costs import EnergyAccount
from hw_profiles.report.families import COLOURS, family_of
from hw_profiles.report.units import (
    ENERGIES,
    energy_text,
    fitting_unit,
)

KIND_COLOURS = {"chip": BLUE, "convention": ORANGE, PRICED: PURPLE, MEASURED: VERMILION}


def terms_chart(account: EnergyAccount) -> Specification:
    """Each term's energy, as dots with their bands on a logarithmic axis: terms differ by orders of magnitude."""
    divisor, unit = fitting_unit(account.total.nominal, ENERGIES)
    rows = [
        {
            "term": cost.name,
            "family": family_of(cost.name),
            "energy": cost.energy.nominal / divisor,
            "low": max(cost.energy.low, cost.energy.nominal * 1e-3, 1e-9) / divisor,
            "high": cost.energy.high / divisor,
            "text": band_text(cost.energy, energy_text),
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
    bands = base.mark_rule(strokeWidth=5, opacity=0.35).encode(x=x.copy(), x2="high:Q").encode(x=low_end(x))
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
    whole = whisker(
        [
            {
                "row": "decision",
                "low": account.total.low / divisor,
                "high": account.total.high / divisor,
                "text": band_text(account.total, energy_text),
            }
        ],
        "row",
        None,
    )
    return finish((bars, whole), height=44)


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
    whiskers = whisker(
        [
            {
                "layer": layer.name,
                "low": layer.energy.low / divisor,
                "high": layer.energy.high / divisor,
                "text": band_text(layer.energy, energy_text),
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
    entries += [(baseline.short_title, baseline.title, baseline.kind, baseline.energy) for baseline in baselines]
    rows = [
        {
            "name": name,
            "title": title,
            "kind": kind,
            "energy": energy.nominal / 1e6,
            "low": max(energy.low, energy.nominal * 1e-3) / 1e6,
            "high": energy.high / 1e6,
            "text": band_text(energy, energy_text),
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
    bands = base.mark_rule(strokeWidth=5, opacity=0.35).encode(x=low_end(x), x2="high:Q")
    points = base.mark_point(size=80, filled=True, opacity=1).encode(
        x=x, shape=alt.Shape("kind:N", scale=alt.Scale(domain=kinds), legend=None)
    )
    return finish((bands, points), height=ROW * len(rows))


def _family_scale(rows: Rows) -> alt.Scale:
    families = [family for family in COLOURS if any(row["family"] == family for row in rows)]
    return alt.Scale(domain=families, range=[COLOURS[family] for family in families])


def _account(answer: ProfileAnswer, layout: str) -> EnergyAccount | None:
    """The account of the layout, or the only one of a profile that places nothing."""
    chosen = next((each for each in answer.layouts if each.name == layout), answer.layouts[0])
    return chosen.energy
