"""The counts an energy estimate starts from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ActivityCounts:
    """Counted work of one decision (or the mean over several), whole network.

    Attributes
    ----------
    synops
        Synaptic operations: a spike arriving at one synapse.
    neuron_updates
        Neurons times the time steps each was stepped for.
    spikes
        Spikes emitted.
    time_steps
        Ticks of the spiking network.
    host_macs
        Multiply-accumulates of the host's encoder and readout.
    ann_macs
        Multiply-accumulates of non-spiking layers inside the network (0 for a spiking one).
    """

    synops: float = 0.0
    neuron_updates: float = 0.0
    spikes: float = 0.0
    time_steps: float = 0.0
    host_macs: float = 0.0
    ann_macs: float = 0.0
