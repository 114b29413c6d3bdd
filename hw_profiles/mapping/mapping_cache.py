"""Placing a network once for all profiles that describe the same chip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hw_profiles.capacity import Capacity
from hw_profiles.mapping.chip_mapping import ChipMapping
from hw_profiles.mapping.map_network import map_network
from hw_profiles.network import ChipNetwork
from hw_profiles.profile import Profile


@dataclass(frozen=True, eq=False)
class _Placed:
    network: ChipNetwork
    capacity: Capacity | None
    spikes: Mapping[str, float]
    mapping: ChipMapping


class MappingCache:
    """:func:`map_network` by the dynamic method, which remembers: a placement depends on capacities, not on prices."""

    def __init__(self) -> None:
        self._known: list[_Placed] = []

    def map(self, network: ChipNetwork, profile: Profile, spikes: Mapping[str, float]) -> ChipMapping:
        """The network on the profile's chip; parameters and errors are those of :func:`map_network`."""
        for placed in self._known:
            if placed.network is network and placed.capacity == profile.capacity and placed.spikes == spikes:
                return replace(placed.mapping, profile=profile.name)
        mapping = map_network(network, profile, spikes=spikes)
        self._known.append(_Placed(network, profile.capacity, spikes, mapping))
        return mapping
