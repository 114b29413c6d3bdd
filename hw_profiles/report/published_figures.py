"""Published figures beside a run: break-even points, measured anchors, and the assumptions of its profiles."""

from __future__ import annotations

from hw_profiles.arithmetic.break_even import break_even
from hw_profiles.figure import Figure
from hw_profiles.loader import load_profile, profile_names
from hw_profiles.profile import Profile
from hw_profiles.report.document.context import Assumption, ReportedAnchor, ReportedBreakEven
from hw_profiles.report.document.ranges import Band
from hw_profiles.report.saved_run import SavedRun
from hw_profiles.spikes_per_synapse import spikes_per_synapse

SECTIONS = ("energy", "power", "time", "memory", "capacity")
PICOJOULES = {"pJ": 1.0, "uJ": 1e6}


def break_even_of(run: SavedRun) -> tuple[ReportedBreakEven, ...]:
    """The run beside every published break-even point; none where it has no network."""
    if run.network is None:
        return ()
    used = spikes_per_synapse(run.record.counts, run.network)
    points = []
    for found in break_even(used, run.network.active_steps):
        authors, _, _ = found.threshold.source.partition(", ")
        points.append(
            ReportedBreakEven(
                authors,
                found.threshold.source,
                found.threshold.low,
                found.threshold.high,
                found.value,
                "spikes a synapse and time step" if found.threshold.a_step else "spikes a synapse and decision",
                found.verdict.value,
            )
        )
    return tuple(points)


def anchors() -> tuple[ReportedAnchor, ...]:
    """Every measured workload of the shipped profiles, for scale."""
    profiles = [load_profile(name) for name in profile_names()]
    return tuple(
        ReportedAnchor(
            profile.title,
            anchor.workload,
            figure_band(anchor.energy, PICOJOULES[anchor.energy.unit]),
            anchor.energy.grade.value,
            anchor.energy.source,
        )
        for profile in profiles
        for anchor in profile.anchors
    )


def assumptions_of(profile: Profile) -> list[Assumption]:
    """Every figure of the profile, section by section."""
    return [
        Assumption(
            profile.name, f"{section}.{key}", figure_band(figure), figure.unit, figure.grade.value, figure.source
        )
        for section in SECTIONS
        if (figures := getattr(profile, section)) is not None
        for key, figure in vars(figures).items()
        if isinstance(figure, Figure)
    ]


def figure_band(figure: Figure, scale: float = 1.0) -> Band:
    """The figure with its band, in units of ``1 / scale``."""
    low, high = figure.band
    return Band(figure.value * scale, low * scale, high * scale)
