"""The counts an energy estimate starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PopulationCounts:
    """One population in an average decision.

    Attributes
    ----------
    spikes
        Spikes emitted.
    active_updates
        Neurons times the time steps in which the population is at work.
    idle_updates
        Neurons times the remaining time steps of the decision.
    """

    spikes: float
    active_updates: float
    idle_updates: float


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
    by_population
        The same by population; empty where a backend does not run a program (torch). A chip cannot be priced then.
    synops_by_target
        Synaptic operations by the population they arrive at; empty where unknown.
    """

    synops: float = 0.0
    active_updates: float = 0.0
    idle_updates: float = 0.0
    spikes: float = 0.0
    time_steps: float = 0.0
    host_macs: float = 0.0
    by_population: Mapping[str, PopulationCounts] = field(default_factory=dict)
    synops_by_target: Mapping[str, float] = field(default_factory=dict)

    def recomputing(self, context: int) -> ActivityCounts:
        """The window layout's counts: the work of one token for each of ``context`` tokens, in as many time steps.

        The host keeps the currents of earlier tokens, so its work stays what it is.
        """
        return ActivityCounts(
            synops=context * self.synops,
            active_updates=context * self.active_updates,
            idle_updates=context * self.idle_updates,
            spikes=context * self.spikes,
            time_steps=self.time_steps,
            host_macs=self.host_macs,
            by_population={
                name: PopulationCounts(
                    context * counts.spikes, context * counts.active_updates, context * counts.idle_updates
                )
                for name, counts in self.by_population.items()
            },
            synops_by_target={name: context * synops for name, synops in self.synops_by_target.items()},
        )
