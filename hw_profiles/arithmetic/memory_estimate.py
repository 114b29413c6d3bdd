"""A run's average decision by Lemaire's account: arithmetic, addressing and memory of every layer."""

from __future__ import annotations

from dsf_common.errors import UserError
from hw_profiles.activity import ActivityCounts
from hw_profiles.arithmetic.lemaire import access_energy
from hw_profiles.energy import EnergyEstimate, EnergyLine
from hw_profiles.event_prices import MemoryEnergy
from hw_profiles.figure import Figure, Grade
from hw_profiles.network import ChipNetwork
from hw_profiles.profile import Profile


def memory_estimate(activity: ActivityCounts, profile: Profile, network: ChipNetwork) -> EnergyEstimate:
    """Energy of one decision with every layer's weights and potentials in a memory of just their size.

    The counts are :func:`~hw_profiles.arithmetic.lemaire.spiking_counts` with what was counted in place of
    ``θ_in N_out``: the synaptic operations that arrive at the layer. Biases are among them, since a program's biases
    are synapses of its bias line.

    Parameters
    ----------
    activity
        Counts of one decision by population.
    profile
        One with ``mac``, ``accumulate`` and a ``memory`` priced by size: ``cmos45-memory``.
    network
        Whose populations the counts name; its sizes give those of the memories.

    Raises
    ------
    UserError
        The run was not counted by population, or the profile lacks a price.
    """
    if not activity.by_population or not activity.synops_by_target:
        raise UserError(
            f"{profile.name} prices the memory of each layer, so it needs counts by population: "
            "give a run of a program (any backend but torch)"
        )
    strangers = set(activity.by_population) - {population.name for population in network.populations}
    if strangers:
        raise UserError(f"the run counted {min(strangers)}, which is no population of {network.name}; run it again")
    lines = [line for name in activity.by_population for line in _layer_lines(name, activity, profile, network)]
    mac = _price(profile, profile.energy.mac, "energy.mac")
    lines.append(_line("host multiply-accumulates", None, activity.host_macs, mac.value, mac))
    return EnergyEstimate(profile.name, profile.title, tuple(line for line in lines if line.count), profile.not_counted)


def _layer_lines(name: str, activity: ActivityCounts, profile: Profile, network: ChipNetwork) -> list[EnergyLine]:
    mac = _price(profile, profile.energy.mac, "energy.mac")
    add = _price(profile, profile.energy.accumulate, "energy.accumulate")
    memory = _memory(profile)
    base = _price(profile, memory.base_pj, "memory.base_pj")
    counts, synops = activity.by_population[name], activity.synops_by_target.get(name, 0.0)
    synapses = sum(each.synapses.count for each in network.projections if each.target == name)
    readers = len({each.target for each in network.projections if each.source == name})
    weights, state = access_energy(memory, synapses), access_energy(memory, network.population(name).size)
    potentials = synops + counts.active_updates
    return [
        _line("leaks", name, counts.active_updates, mac.value, mac),
        _line("additions", name, synops + counts.spikes, add.value, add),
        _line("addressing", name, synops, add.value, add),
        _line("reading weights", name, synops, weights, base),
        _line("reading and writing potentials", name, 2 * potentials, state, base),
        _line("writing and reading spikes", name, (1 + readers) * counts.spikes, state, base),
    ]


def _line(term: str, layer: str | None, count: float, each_pj: float, figure: Figure) -> EnergyLine:
    return EnergyLine(term, layer, count, each_pj, each_pj, each_pj, Grade.inferred, figure.source)


def _memory(profile: Profile) -> MemoryEnergy:
    if profile.memory is None:
        raise UserError(f"{profile.name} says nothing of memory; use cmos45-memory")
    return profile.memory


def _price(profile: Profile, figure: Figure | None, key: str) -> Figure:
    if figure is None:
        raise UserError(f"{profile.name} has no {key}, which the account of memory needs; use cmos45-memory")
    return figure
