"""What one decision made a network do, counted: the only thing an energy estimate may be computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hw_profiles.activity import ActivityCounts


@dataclass(frozen=True)
class Activity:
    """The counted work of one decision.

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
    """

    spikes: dict[str, int]
    neuron_steps: dict[str, int]
    synops: dict[str, int]
    time_steps: int
    host_macs: int
    idle_neuron_steps: int = 0


def mean_counts(activities: Sequence[Activity]) -> ActivityCounts:
    """The activity of an average decision, summed over layers, in the words of :mod:`hw_profiles`."""
    decisions = max(len(activities), 1)
    return ActivityCounts(
        synops=sum(sum(activity.synops.values()) for activity in activities) / decisions,
        active_updates=sum(sum(activity.neuron_steps.values()) for activity in activities) / decisions,
        idle_updates=sum(activity.idle_neuron_steps for activity in activities) / decisions,
        spikes=sum(sum(activity.spikes.values()) for activity in activities) / decisions,
        time_steps=sum(activity.time_steps for activity in activities) / decisions,
        host_macs=sum(activity.host_macs for activity in activities) / decisions,
    )
