"""A policy's network as an ANN on a device that ran another network: the measured total, scaled."""

from __future__ import annotations

from hw_profiles.arithmetic.mac_counts import MacCounts
from hw_profiles.energy import EnergyEstimate, EnergyLine
from hw_profiles.figure import Grade
from hw_profiles.measured_inference import PICOJOULES
from hw_profiles.profile import Profile

WHOLE = "whole inferences, by their multiply-accumulates"


def measured_ann_estimate(workload: str, counts: MacCounts, profile: Profile) -> EnergyEstimate:
    """One network's decision by a device's measured inferences: ``MACs · E / MACs measured``.

    Nominal is the device's first inference. The band reaches from the fewest picojoules a multiply-accumulate that the
    device was measured at to the most; for a network smaller than the first, up to the first's whole energy, as if all
    of it were fixed.

    Parameters
    ----------
    counts
        Of one decision; its caches are not counted.
    profile
        Of a device.
    """
    first = profile.inferences[0]
    rates = [inference.pj_per_mac for inference in profile.inferences]
    line = EnergyLine(
        term=WHOLE,
        layer=None,
        count=counts.total,
        each_pj=first.pj_per_mac,
        low_pj=min(rates),
        high_pj=max(*rates, first.energy.value * PICOJOULES / counts.total),
        grade=Grade.inferred,
        source=f"scaled from {first.workload}: {first.energy.value:g} µJ for {first.macs.value:,.0f} MACs, "
        f"{first.energy.grade.value}; {first.energy.source}",
    )
    return EnergyEstimate(profile.name, f"{workload}: {profile.title}", (line,), profile.not_counted)
