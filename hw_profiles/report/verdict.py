"""One sentence that compares a decision with ANN baselines, whichever way it comes out."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from hw_profiles.energy import POWERS
from hw_profiles.report.document.answers import MEASURED, PRICED, Baseline
from hw_profiles.report.document.costs import EnergyAccount
from hw_profiles.report.document.ranges import Band
from hw_profiles.report.units import energy_text


class Standing(Enum):
    """How one energy stands to another, as far as their nominal figures and their bands tell."""

    above = "more over its whole band"
    nominally_above = "more"  # and the bands overlap
    nominally_below = "less"
    below = "less over its whole band"


OF_ALL = {
    Standing.above: "above every baseline, over its whole band",
    Standing.nominally_above: "above every baseline, but the bands overlap",
    Standing.nominally_below: "below every baseline, but the bands overlap",
    Standing.below: "below every baseline, over its whole band",
}


def standing(energy: Band, other: Band) -> Standing:
    """Where ``energy`` stands beside ``other``; equal nominal figures count as more."""
    if energy.high < other.low:
        return Standing.below
    if energy.low > other.high:
        return Standing.above
    return Standing.nominally_below if energy.nominal < other.nominal else Standing.nominally_above


def verdict(title: str, account: EnergyAccount, baselines: Sequence[Baseline], left_out: Sequence[str]) -> str:
    """The decision beside the cheapest and the dearest baseline that counts what it counts.

    An account with constant power is compared with ANNs on devices whose supply was measured; one without, with ANNs by
    prices of their arithmetic and memory.

    Parameters
    ----------
    title
        The title of the profile that ``account`` is by.
    left_out
        Costs that a profile without constant power does not count; empty for one that counts it.
    """
    energy, whole = account.total, any(term.name in POWERS for term in account.terms)
    alike = [baseline for baseline in baselines if baseline.kind == (MEASURED if whole else PRICED)]
    taken = f"On {title}: {banded(energy)} a decision"
    if not alike:
        return f"{taken}; there is no ANN baseline to compare it with."
    cheapest = min(alike, key=lambda baseline: baseline.energy.nominal)
    dearest = max(alike, key=lambda baseline: baseline.energy.nominal)
    return (
        f"{taken}, {_times(energy, cheapest)} the cheapest ANN baseline ({_named(cheapest)}) and "
        f"{_times(energy, dearest)} the dearest ({_named(dearest)}). "
        f"{_reading(energy, alike)}; {_unlike(whole, left_out)}."
    )


def banded(band: Band) -> str:
    """``31 µJ (24 µJ … 45 µJ)``, in pJ."""
    nominal = energy_text(band.nominal)
    return nominal if band.is_exact else f"{nominal} ({energy_text(band.low)} … {energy_text(band.high)})"


def _times(energy: Band, baseline: Baseline) -> str:
    ratio = energy.nominal / baseline.energy.nominal
    if 0 < ratio < 0.1:
        return f"1/{1 / ratio:,.0f} of"
    return f"{ratio:,.0f} times" if ratio >= 100 else f"{ratio:.2g} times"


def _named(baseline: Baseline) -> str:
    return f"{baseline.short_title}: {energy_text(baseline.energy.nominal)}"


def _reading(energy: Band, baselines: Sequence[Baseline]) -> str:
    """The statement that the bands allow."""
    standings = [standing(energy, baseline.energy) for baseline in baselines]
    found = set(standings)
    if len(found) == 1:
        return f"It is {OF_ALL[standings[0]]}"
    titles = _titles(baselines)
    parts = [
        f"{each.value} than {_listed([title for title, its in zip(titles, standings, strict=True) if its is each])}"
        for each in Standing
        if each in found
    ]
    overlap = found & {Standing.nominally_above, Standing.nominally_below}
    return f"It takes {', '.join(parts)}{'; where nothing is said, bands overlap' if overlap else ''}"


def _titles(baselines: Sequence[Baseline]) -> list[str]:
    """The profiles, where each baseline has another; else the short titles."""
    profiles = [baseline.profile for baseline in baselines]
    return profiles if len(set(profiles)) == len(profiles) else [baseline.short_title for baseline in baselines]


def _listed(titles: Sequence[str]) -> str:
    *others, last = titles
    return f"{', '.join(others)} and {last}" if others else last


def _unlike(whole: bool, left_out: Sequence[str]) -> str:
    """Where the two sides do not count the same, and whom that favours."""
    if whole:
        return (
            "the devices ran other networks, whose measured totals are scaled by multiply-accumulates; "
            "their idle between decisions is not counted"
        )
    if left_out:
        return f"it leaves out {', '.join(left_out)}, while the baselines count the memory of their weights"
    return "the baselines count arithmetic and the memory of weights, and neither static power nor a host"
