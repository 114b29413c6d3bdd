"""Placing a network once for all profiles that describe the same chip."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, replace

from hw_profiles.mapping.map_network import map_network
from hw_profiles.mapping.mapping import Mapping
from hw_profiles.network import Network
from hw_profiles.profile import Capacity, Profile


@dataclass(frozen=True, eq=False)
class _Placed:
    network: Network
    capacity: Capacity | None
    spikes: Dictionary[str, float]
    mapping: Mapping


class MapOnce:
    """:func:`map_network` by the dynamic method, which remembers: a placement depends on capacities, not on prices."""

    def __init__(self) -> None:
        self._known: list[_Placed] = []

    def __call__(self, network: Network, profile: Profile, spikes: Dictionary[str, float]) -> Mapping:
        """The network on the profile's chip; parameters and errors are those of :func:`map_network`."""
        for placed in self._known:
            if placed.network is network and placed.capacity == profile.capacity and placed.spikes == spikes:
                return replace(placed.mapping, profile=profile.name)
        mapping = map_network(network, profile, spikes=spikes)
        self._known.append(_Placed(network, profile.capacity, spikes, mapping))
        return mapping
