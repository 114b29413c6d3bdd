"""One sentence that compares a decision with ANN baselines, whichever way it comes out."""

from __future__ import annotations

from collections.abc import Sequence

from hw_profiles.report.document import Band, Baseline
from hw_profiles.report.units import energy_text


def verdict(title: str, energy: Band, baselines: Sequence[Baseline]) -> str:
    """The decision beside the cheapest and the dearest baseline.

    Parameters
    ----------
    title
        Of the profile that ``energy`` is by.
    """
    taken = f"On {title}: {banded(energy)} a decision"
    if not baselines:
        return f"{taken}; there is no ANN baseline to compare it with."
    cheapest = min(baselines, key=lambda baseline: baseline.energy.nominal)
    dearest = max(baselines, key=lambda baseline: baseline.energy.nominal)
    return (
        f"{taken}, {_times(energy, cheapest)} the cheapest ANN baseline ({_named(cheapest)}) and "
        f"{_times(energy, dearest)} the dearest ({_named(dearest)}). {_reading(energy, cheapest, dearest)}"
    )


def banded(band: Band) -> str:
    """``31 µJ (24 µJ … 45 µJ)``, in pJ."""
    nominal = energy_text(band.nominal)
    return nominal if band.is_exact else f"{nominal} ({energy_text(band.low)} … {energy_text(band.high)})"


def _times(energy: Band, baseline: Baseline) -> str:
    ratio = energy.nominal / baseline.energy.nominal
    return f"{ratio:,.0f} times" if ratio >= 100 else f"{ratio:.2g} times"


def _named(baseline: Baseline) -> str:
    return f"{baseline.short_title}: {energy_text(baseline.energy.nominal)}"


def _reading(energy: Band, cheapest: Baseline, dearest: Baseline) -> str:
    """What the bands allow to say; a baseline leaves out constant power, which favours the ANN."""
    if energy.high < cheapest.energy.low:
        which = "It is below every baseline, over its whole band"
    elif energy.low > dearest.energy.high:
        which = "It is above every baseline, over its whole band"
    elif energy.nominal < cheapest.energy.nominal:
        which = "It is below every baseline, but its band reaches some of them"
    elif energy.nominal > dearest.energy.nominal:
        which = "It is above every baseline, but its band reaches some of them"
    else:
        which = "It lies between the baselines, so which ANN one would deploy decides"
    return f"{which}; the baselines count arithmetic and memory, and neither static power nor a host."
