"""Placing a network once for all profiles that describe the same chip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hw_profiles.mapping.chip_mapping import ChipMapping
from hw_profiles.mapping.map_network import map_network
from hw_profiles.mapping.spread import Objective
from hw_profiles.network import ChipNetwork
from hw_profiles.profile import Profile


@dataclass(frozen=True, eq=False)
class _Placed:
    network: ChipNetwork
    profile: Profile
    spikes: Mapping[str, float]
    mapping: ChipMapping


class MappingCache:
    """:func:`map_network` by the dynamic method, which remembers: a placement depends on some of a profile."""

    def __init__(self, objective: Objective = Objective.energy) -> None:
        self._objective = objective
        self._known: list[_Placed] = []

    def map(self, network: ChipNetwork, profile: Profile, spikes: Mapping[str, float]) -> ChipMapping:
        """The network on the profile's chip; parameters and errors are those of :func:`map_network`."""
        for placed in self._known:
            if placed.network is network and _alike(placed.profile, profile) and placed.spikes == spikes:
                return replace(placed.mapping, profile=profile.name)
        mapping = map_network(network, profile, spikes=spikes, objective=self._objective)
        self._known.append(_Placed(network, profile, spikes, mapping))
        return mapping


def _alike(one: Profile, other: Profile) -> bool:
    """Whether two profiles give the same placement."""
    fields = [
        (item.capacity, item.time, item.power, item.energy.message_in, item.energy.message_out) for item in (one, other)
    ]
    return fields[0] == fields[1]
