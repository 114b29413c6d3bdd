"""The counted activity of one decision of a network: the only thing an energy estimate may be computed from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hw_profiles.activity import ActivityCounts, PopulationCounts


class LayerCounts(Mapping[str, int]):
    """A count of each layer: a dictionary made in a tenth of the time, as the names are shared with all others.

    Parameters
    ----------
    places
        Where each layer's count stands.
    counts
        The counts; more may follow them.
    """

    __slots__ = ("_counts", "_places")

    def __init__(self, places: Mapping[str, int], counts: Sequence[int]) -> None:
        self._places = places
        self._counts = counts

    def __getitem__(self, name: str) -> int:
        return self._counts[self._places[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"LayerCounts({dict(self)})"


class Activity(NamedTuple):
    """The counted work of one decision: a tuple, since thousands of them are made a second.

    Attributes
    ----------
    spikes
        Spikes emitted by each layer.
    neuron_steps
        Size of each layer times the time steps it was stepped for: what a firing rate divides by.
    synops
        Synaptic operations that arrived at each target layer: one for each spike at each synapse it crosses.
    time_steps
        Time steps of the network.
    host_macs
        Multiply-accumulates of the parts that stay with the host (encoder and readout).
    idle_neuron_steps
        Updates of neurons outside their layer's active steps (the silent gap between tokens), whole network:
        nothing arrives, yet a chip steps them.
    messages
        Spikes sent: one for each spike and each matrix or list of synapses it reaches; one spread over several cores of
        a chip takes more.
    """

    spikes: Mapping[str, int]
    neuron_steps: Mapping[str, int]
    synops: Mapping[str, int]
    time_steps: int
    host_macs: int
    idle_neuron_steps: int = 0
    messages: int = 0


@dataclass(frozen=True)
class LayerActivity:
    """One layer in an average decision.

    Attributes
    ----------
    name
        Layer, or target of synapses.
    firing_rate
        Spikes a neuron and active time step, 0 … 1; None for a target that does not spike.
    spikes
        Spikes it emits in a decision.
    synops
        Synaptic operations that arrive at it in a decision.
    """

    name: str
    firing_rate: float | None
    spikes: float
    synops: float


def mean_counts(activities: Sequence[Activity], by_population: bool = False) -> ActivityCounts:
    """The activity of the average of at least one decision, in :mod:`hw_profiles`' words.

    Parameters
    ----------
    by_population
        Also what each layer did. Ask for it where the layers are a program's, whose network can be placed on a chip.
    """
    decisions = len(activities)
    return ActivityCounts(
        synops=sum(sum(activity.synops.values()) for activity in activities) / decisions,
        active_updates=sum(sum(activity.neuron_steps.values()) for activity in activities) / decisions,
        idle_updates=sum(activity.idle_neuron_steps for activity in activities) / decisions,
        spikes=sum(sum(activity.spikes.values()) for activity in activities) / decisions,
        time_steps=sum(activity.time_steps for activity in activities) / decisions,
        host_macs=sum(activity.host_macs for activity in activities) / decisions,
        by_population=_mean_populations(activities) if by_population else {},
        synops_by_target=_mean_of_each([activity.synops for activity in activities]) if by_population else {},
    )


def mean_layers(activities: Sequence[Activity]) -> list[LayerActivity]:
    """Each layer in the average of at least one decision, in the order the first one names them."""
    first = activities[0]
    return [_mean_layer(name, activities) for name in dict.fromkeys([*first.neuron_steps, *first.synops])]


def _mean_layer(name: str, activities: Sequence[Activity]) -> LayerActivity:
    spikes = sum(activity.spikes.get(name, 0) for activity in activities)
    steps = sum(activity.neuron_steps.get(name, 0) for activity in activities)
    synops = sum(activity.synops.get(name, 0) for activity in activities)
    return LayerActivity(
        name,
        firing_rate=spikes / steps if name in activities[0].spikes and steps else None,
        spikes=spikes / len(activities),
        synops=synops / len(activities),
    )


def _mean_populations(activities: Sequence[Activity]) -> dict[str, PopulationCounts]:
    """Every neuron idles in the same time steps, so a population has the same share of idle as of active updates."""
    spikes = _mean_of_each([activity.spikes for activity in activities])
    updates = _mean_of_each([activity.neuron_steps for activity in activities])
    idle = sum(activity.idle_neuron_steps for activity in activities) / len(activities) / sum(updates.values())
    return {name: PopulationCounts(spikes.get(name, 0.0), active, active * idle) for name, active in updates.items()}


def _mean_of_each(counts: Sequence[Mapping[str, int]]) -> dict[str, float]:
    return {name: sum(count[name] for count in counts) / len(counts) for name in counts[0]}
