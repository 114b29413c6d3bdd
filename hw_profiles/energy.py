"""From counted activity to energy: one line for each term and layer, each with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from hw_profiles.activity import ActivityCounts
from hw_profiles.chip_events import EVENTS, ChipEvents
from hw_profiles.event_prices import ConstantPower
from hw_profiles.figure import Figure, Grade
from hw_profiles.mapping.chip_mapping import ChipMapping
from hw_profiles.network import Role
from hw_profiles.profile import Profile
from hw_profiles.timing import TimeEstimate

POWERS = STATIC, HOST = "static power × time", "host power × time"  # the lines that do not depend on activity
NANOJOULE = 1000.0  # in pJ: one mW during one µs

Floats = NDArray[np.float64]
Counts = Mapping[str | None, float]  # by layer; None where an event belongs to no layer


@dataclass(frozen=True)
class EnergyLine:
    """One term of an estimate, of one layer or of all: a count times the energy of one event.

    Attributes
    ----------
    term
        Name of the events that are counted.
    layer
        Whose events these are; None for what belongs to no layer.
    count
        Events a decision.
    each_pj, low_pj, high_pj
        Energy of one event: nominal and band.
    grade, source
        The evidence of ``each_pj``.
    """

    term: str
    layer: str | None
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
    """The energy of one decision by one profile, and the terms that it leaves out.

    Attributes
    ----------
    not_counted
        Terms that the profile says it leaves out, and every event of this decision that it has no price for.
    """

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
        """Sums of the lines' lowest and highest energies, in pJ: all prices wrong in the same direction."""
        return sum(line.band_pj[0] for line in self.lines), sum(line.band_pj[1] for line in self.lines)

    def by_term(self) -> tuple[EnergyLine, ...]:
        """One line a term, over all layers; where layers have different prices, with the mean price of an event."""
        terms: dict[str, list[EnergyLine]] = {}
        for line in self.lines:
            terms.setdefault(line.term, []).append(line)
        return tuple(_merged(lines) for lines in terms.values())

    def by_layer(self) -> dict[str | None, tuple[EnergyLine, ...]]:
        """The lines of each layer; under None what belongs to no layer."""
        layers: dict[str | None, list[EnergyLine]] = {}
        for line in self.lines:
            layers.setdefault(line.layer, []).append(line)
        return {layer: tuple(lines) for layer, lines in layers.items()}


def _merged(lines: Sequence[EnergyLine]) -> EnergyLine:
    """Lines of one term as one; no better known than the worst of them."""
    count = sum(line.count for line in lines)
    if len({(line.each_pj, line.low_pj, line.high_pj) for line in lines}) == 1:
        return replace(lines[0], layer=None, count=count)

    def mean(each_pj: Callable[[EnergyLine], float]) -> float:
        return sum(line.count * each_pj(line) for line in lines) / count

    return EnergyLine(
        term=lines[0].term,
        layer=None,
        count=count,
        each_pj=mean(lambda line: line.each_pj),
        low_pj=mean(lambda line: line.low_pj),
        high_pj=mean(lambda line: line.high_pj),
        grade=max((line.grade for line in lines), key=lambda grade: grade.rank),
        source="; ".join(dict.fromkeys(line.source for line in lines)),
    )


def estimate_energy(activity: ActivityCounts, profile: Profile) -> EnergyEstimate:
    """Energy of one decision by a convention, or by a chip with an all-in price: ``Σ events · energy of one``.

    Parameters
    ----------
    activity
        Counts of one decision; in the window layout :meth:`ActivityCounts.recomputing` of a stream's.
    profile
        Terms it has no figure for make no line; ``not_counted`` names them with their counts.

    Raises
    ------
    UserError
        The profile prices events on a chip's cores, which :func:`estimate_chip_energy` needs.
    """
    if profile.needs_mapping:
        raise UserError(
            f"{profile.name} prices events on a chip's cores, so the network must be placed on it: give a run of a "
            "program (any backend but torch), or a convention such as cmos45-int8"
        )
    counts = _counted(activity)
    left_out = [] if profile.all_in else [*_uncounted(activity, profile), *_unpriced(counts, profile)]
    return _estimate(profile, _event_lines(counts, profile), left_out)


def estimate_chip_energy(
    events: ChipEvents, profile: Profile, mapping: ChipMapping, timing: TimeEstimate | None = None
) -> EnergyEstimate:
    """Energy of one decision on a chip: ``Σ events · energy of one + chips · static power · time + host power · time``.

    Parameters
    ----------
    events
        :func:`hw_profiles.chip_events.chip_events` of one decision on ``mapping``.
    profile
        Terms it has no figure for make no line; ``not_counted`` names them with their counts.
    mapping
        The network placed on the chip.
    timing
        :func:`hw_profiles.timing.estimate_time` of the same; without it power is not counted.
    """
    counts = _on_chip(events)
    return _estimate(
        profile,
        _event_lines(counts, profile) + _power_lines(profile, mapping.chips, mapping.copies, timing),
        _unpriced(counts, profile) + _unpowered(profile, timing) + _host_traffic(mapping),
    )


def _estimate(profile: Profile, lines: Sequence[EnergyLine], unpriced: Sequence[str]) -> EnergyEstimate:
    return EnergyEstimate(profile.name, profile.title, tuple(lines), (*profile.not_counted, *unpriced))


def _counted(activity: ActivityCounts) -> dict[str, Counts]:
    """Events by the key of their price, as the run counted them: no chip, so no messages and no hops."""
    populations = activity.by_population
    synops: Counts = dict(activity.synops_by_target.items())
    active: Counts = {name: population.active_updates for name, population in populations.items()}
    idle: Counts = {name: population.idle_updates for name, population in populations.items()}
    spikes: Counts = {name: population.spikes for name, population in populations.items()}
    return {
        "synop": synops or {None: activity.synops},
        "neuron_active": active or {None: activity.active_updates},
        "neuron_idle": idle or {None: activity.idle_updates},
        "spike_out": spikes or {None: activity.spikes},
        "mac": {None: activity.host_macs},
    }


def _uncounted(activity: ActivityCounts, profile: Profile) -> list[str]:
    """The idle updates of a run that steps its layers through their T time steps alone."""
    if activity.by_population or profile.energy.neuron_idle is None:
        return []
    return [f"{EVENTS['neuron_idle']}: not known, as the run is of no program"]


def _on_chip(events: ChipEvents) -> dict[str, Counts]:
    """Events by the key of their price, on the cores of a chip."""

    def by_layer(counts: Floats) -> Counts:
        layers: dict[str | None, float] = {}
        for layer, count in zip(events.layers, counts.tolist(), strict=True):
            layers[layer] = layers.get(layer, 0.0) + count
        return layers

    return {
        "synop": by_layer(events.synops_into),
        "neuron_active": by_layer(events.active_updates),
        "neuron_idle": by_layer(events.idle_updates),
        "spike_out": by_layer(events.spikes),
        "message_out": by_layer(events.messages_out.sum(axis=0)),
        "message_in": by_layer(events.messages_in.sum(axis=0)),
        "hop_ew": by_layer(events.hops_ew),
        "hop_ns": by_layer(events.hops_ns),
        "chip_hop": by_layer(events.chip_crossings),
        "barrier": {None: events.barriers},
        "mac": {None: events.host_macs},
    }


def _event_lines(events: Mapping[str, Counts], profile: Profile) -> list[EnergyLine]:
    return [
        _line(EVENTS[key], layer, count, figure)
        for key, counts in events.items()
        if (figure := _price(profile, key)) is not None
        for layer, count in counts.items()
        if count
    ]


def _unpriced(events: Mapping[str, Counts], profile: Profile) -> list[str]:
    """Terms that the decision has events of and the profile no price for."""
    return [
        f"{EVENTS[key]}: {total:,.0f} a decision, no price"
        for key, counts in events.items()
        if _price(profile, key) is None and (total := sum(counts.values()))
    ]


def _powers(profile: Profile, chips: int, copies: int = 1) -> list[tuple[str, float, Figure | None]]:
    """Term, how many there are of what draws it, and the power."""
    power = profile.power or ConstantPower()
    return [(STATIC, chips / copies, power.static_per_chip), (HOST, 1 / copies, power.host)]


def _power_lines(profile: Profile, chips: int, copies: int, timing: TimeEstimate | None) -> list[EnergyLine]:
    if timing is None:
        return []
    return [
        _line(term, None, count, _energy_of_decision(power, timing))
        for term, count, power in _powers(profile, chips, copies)
        if power is not None
    ]


def _unpowered(profile: Profile, timing: TimeEstimate | None) -> list[str]:
    powers = _powers(profile, chips=1)
    if timing is None:
        return [f"{term}: no time of a decision" for term, _, power in powers if power is not None]
    return [f"{term}: no power" for term, _, power in powers if power is None]


def _host_traffic(mapping: ChipMapping) -> list[str]:
    """The values that the host sends and fetches in a decision: nobody published their price."""
    network = mapping.network
    sums = sum(population.size for population in network.populations if population.role is Role.accumulator)
    read = sums // (network.context or 1)  # of a window's tokens the newest one's alone
    return [f"host input and output: {mapping.host_messages:,} values written and {read:,} read a decision, no price"]


def _price(profile: Profile, key: str) -> Figure | None:
    figure: Figure | None = getattr(profile.energy, key)
    return figure


def _line(term: str, layer: str | None, count: float, figure: Figure) -> EnergyLine:
    low, high = figure.band
    return EnergyLine(term, layer, count, figure.value, low, high, figure.grade, figure.source)


def _energy_of_decision(power: Figure, timing: TimeEstimate) -> Figure:
    """Power (mW) during one decision (µs), as energy (pJ); no better known than the worse of the two."""
    time = timing.decision_us
    return Figure(
        value=power.value * time.nominal * NANOJOULE,
        low=power.band[0] * time.low * NANOJOULE,
        high=power.band[1] * time.high * NANOJOULE,
        unit="pJ",
        grade=max(power.grade, timing.grade, key=lambda grade: grade.rank),
        source=f"{power.source}; time: this profile's, {timing.grade.value}",
    )
