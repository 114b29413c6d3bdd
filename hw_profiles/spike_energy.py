"""The energy of a spike by a profile, wherever on a chip its neuron lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from dsf_common.errors import UserError
from hw_profiles.figure import Figure
from hw_profiles.loader import load_profile
from hw_profiles.pricing import check_prices_runs


@dataclass(frozen=True)
class SpikeEnergy:
    """Energy of the events that depend on spikes, in pJ; 0 where the profile has no price.

    Attributes
    ----------
    synop_pj
        The price of a spike arriving at one synapse.
    spike_pj
        The price of a spike itself, with the one message that it is where its neuron and all its synapses share a core.
    """

    synop_pj: float
    spike_pj: float


@cache  # a sweep checks each of its runs, and each run asks again
def spike_energy(profile_name: str) -> SpikeEnergy:
    """The prices of a profile that depend on spikes alone.

    Neuron updates, barriers, static power and the host do not depend on spikes. Messages beyond the first, hops and
    relays depend on where neurons lie, which is known after an export. None of these is in it.

    Parameters
    ----------
    profile_name
        The name of a shipped profile, or a ``.yaml`` file.

    Raises
    ------
    UserError
        There is no such profile, or it prices no synops, or memory by the sizes of layers.
    """
    profile = load_profile(profile_name)
    check_prices_runs(profile)
    energy = profile.energy
    if profile.memory is not None:
        raise UserError(
            f"profile {profile.name} prices memory by the sizes of layers, not by events alone: choose a chip, or a "
            "convention without memory such as cmos45-int8"
        )
    if energy.synop is None:
        raise UserError(f"profile {profile.name} has no price of a synop: choose another (dsf-report --list)")
    spike = (energy.spike_out, energy.message_out, energy.message_in)
    return SpikeEnergy(_value(energy.synop), sum(map(_value, spike)))


def _value(figure: Figure | None) -> float:
    return 0.0 if figure is None else figure.value
