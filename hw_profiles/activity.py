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
    active_updates
        Neurons times the time steps in which their layer is at work.
    idle_updates
        Neurons times the remaining time steps of the decision: nothing arrives, yet a chip steps them.
    spikes
        Spikes emitted.
    time_steps
        Ticks of the spiking network.
    host_macs
        Multiply-accumulates of the host's encoder and readout.
    """

    synops: float = 0.0
    active_updates: float = 0.0
    idle_updates: float = 0.0
    spikes: float = 0.0
    time_steps: float = 0.0
    host_macs: float = 0.0
