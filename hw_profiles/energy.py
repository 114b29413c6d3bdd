"""From counted activity to energy: one line a term, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass

from hw_profiles.activity import ActivityCounts
from hw_profiles.profile import Figure, Grade, Profile

TERMS = {
    "synops": "synaptic operations",
    "active_updates": "neuron updates, active",
    "idle_updates": "neuron updates, idle",
    "spikes": "spikes",
    "host_macs": "host multiply-accumulates",
    "static": "static power × time step",
    "host": "host power × time step",
}
NANOJOULE = 1000.0  # in pJ: one mW during one µs


@dataclass(frozen=True)
class EnergyLine:
    """One term of an estimate: a count times the energy of one event.

    Attributes
    ----------
    term
        What is counted, in words.
    count
        Events a decision.
    each_pj, low_pj, high_pj
        Energy of one event: nominal and band.
    grade, source
        The evidence of ``each_pj``.
    """

    term: str
    count: float
    each_pj: float
    low_pj: float
    high_pj: float
    grade: Grade
    source: str

    @property
    def total_pj(self) -> float:
        """Nominal energy of the term, in pJ."""
        return self.count * self.each_pj

    @property
    def band_pj(self) -> tuple[float, float]:
        """Lowest and highest plausible energy of the term, in pJ."""
        return self.count * self.low_pj, self.count * self.high_pj


@dataclass(frozen=True)
class EnergyEstimate:
    """What one decision costs by one profile, and what that leaves out."""

    profile: str
    title: str
    lines: tuple[EnergyLine, ...]
    not_counted: tuple[str, ...]

    @property
    def total_pj(self) -> float:
        """Nominal energy of a decision, in pJ."""
        return sum(line.total_pj for line in self.lines)

    @property
    def band_pj(self) -> tuple[float, float]:
        """Sums of the lines' lowest and highest energies, in pJ."""
        return sum(line.band_pj[0] for line in self.lines), sum(line.band_pj[1] for line in self.lines)


def estimate_energy(activity: ActivityCounts, profile: Profile) -> EnergyEstimate:
    """Energy of one decision: ``Σ count · energy of one event + time steps · duration of a step · power``.

    Parameters
    ----------
    activity
        Counts of one decision.
    profile
        Terms it has no figure for make no line; its ``not_counted`` says so in words.
    """
    lines = [
        _line(key, getattr(activity, key), figure) for key, figure in vars(profile.energy).items() if figure is not None
    ]
    if profile.power is not None and profile.step_time is not None:
        lines += [
            _line(key, activity.time_steps, _energy_of_step(power, profile.step_time))
            for key, power in vars(profile.power).items()
            if power is not None
        ]
    return EnergyEstimate(profile.name, profile.title, tuple(lines), profile.not_counted)


def _line(key: str, count: float, figure: Figure) -> EnergyLine:
    low, high = figure.band
    return EnergyLine(TERMS[key], count, figure.value, low, high, figure.grade, figure.source)


def _energy_of_step(power: Figure, step_time: Figure) -> Figure:
    """Power (mW) during one time step (µs), as energy (pJ); no better known than the worse of the two."""
    return Figure(
        value=power.value * step_time.value * NANOJOULE,
        low=power.band[0] * step_time.band[0] * NANOJOULE,
        high=power.band[1] * step_time.band[1] * NANOJOULE,
        unit="pJ",
        grade=max(power.grade, step_time.grade, key=lambda grade: grade.rank),
        source=f"{power.source}; time step: {step_time.source}",
    )
