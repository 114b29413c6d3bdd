"""The price that training pays for spikes: for synops, and for the energy that spikes take by a chip's profile."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from dsf_export.program_events import Events, ProgramEvents
from dsf_models.policy_network import Spikes
from dsf_train.configuration import TrainConfig
from hw_profiles.spike_energy import SpikeEnergy, spike_energy

MILLION = 1e6  # synop_price is for a million synops, energy_price for a µJ, a million pJ


@dataclass(frozen=True)
class SpikeCost:
    """``synop_price · synops / 10⁶ + energy_price · µJ`` a decision, in units of the loss.

    Attributes
    ----------
    events
        The program's, by the spikes that the model records; None for a model that has no program; it pays nothing.
    energy
        The price of an event by ``energy_profile``.
    """

    events: ProgramEvents | None
    synop_price: float
    energy_price: float
    energy: SpikeEnergy

    @property
    def is_paid(self) -> bool:
        """Whether anything is paid for."""
        return self.events is not None and (self.synop_price > 0 or self.energy_price > 0)

    def __call__(self, spikes: Spikes, mask: Tensor) -> Tensor | float:
        """The cost of a batch of windows; nothing is counted where nothing is paid for.

        Parameters
        ----------
        spikes, mask
            See :meth:`ProgramEvents.count`.
        """
        if self.events is None or not self.is_paid:
            return 0.0
        events = self.events.count(spikes, mask)
        return self.synop_price / MILLION * events.synops + self.energy_price * self._microjoules(events)

    def metrics(self, spikes: Spikes, mask: Tensor) -> dict[str, float]:
        """Synops and µJ a decision of a batch of windows; none of them for a model that has no program."""
        if self.events is None:
            return {}
        events = self.events.count(spikes, mask)
        return {"synops": events.synops.item(), "spike_microjoules": self._microjoules(events).item()}

    def _microjoules(self, events: Events) -> Tensor:
        return (events.synops * self.energy.synop_pj + events.spikes * self.energy.spike_pj) / MILLION


def spike_cost(config: TrainConfig, events: ProgramEvents | None) -> SpikeCost:
    """The price that a run pays."""
    return SpikeCost(events, config.synop_price, config.energy_price, spike_energy(config.energy_profile))
