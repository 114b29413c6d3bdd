"""An energy estimate as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from hw_profiles.energy import EnergyEstimate, EnergyLine
from hw_profiles.report.units import energy_text


def estimate_text(estimate: EnergyEstimate) -> str:
    """Several lines: the total with its band, each term with its figure, grade and source, and what is not counted."""
    sources = list(dict.fromkeys(line.source for line in estimate.lines))
    width = max((len(line.term) for line in estimate.lines), default=0)
    return "\n".join(
        [
            f"energy a decision, {estimate.title} [{estimate.profile}]: {_with_band(estimate)}",
            *(_line_text(line, width, sources.index(line.source) + 1) for line in estimate.by_term()),
            *(f"  [{number}] {source}" for number, source in enumerate(sources, start=1)),
            f"  not counted: {'; '.join(estimate.not_counted)}",
        ]
    )


def estimates_document(estimates: Sequence[EnergyEstimate]) -> list[dict[str, object]]:
    """The estimates as plain values for JSON; energies in pJ."""
    return [
        {
            "profile": estimate.profile,
            "title": estimate.title,
            "total_pj": estimate.total_pj,
            "low_pj": estimate.band_pj[0],
            "high_pj": estimate.band_pj[1],
            "lines": [
                {**asdict(line), "grade": line.grade.value, "total_pj": line.total_pj} for line in estimate.lines
            ],
            "not_counted": list(estimate.not_counted),
        }
        for estimate in estimates
    ]


def _with_band(item: EnergyEstimate | EnergyLine) -> str:
    low, high = item.band_pj
    total = energy_text(item.total_pj)
    return total if low == high else f"{total} ({energy_text(low)} … {energy_text(high)})"


def _line_text(line: EnergyLine, width: int, source: int) -> str:
    each = f"{line.count:14,.1f} × {energy_text(line.each_pj)}"
    return f"  {line.term:<{width}}{each:<27}= {_with_band(line):<33} {line.grade.value} [{source}]"
