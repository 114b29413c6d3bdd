"""A placement is shared by profiles of one chip, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsf_common.errors import GateFailed
from hw_profiles.loader import load_profile
from hw_profiles.mapping import map_network
from hw_profiles.mapping.mapping_cache import MappingCache
from support.small_networks import chip, perceptron

DESIGNED, MEASURED = load_profile("loihi1-davies2018"), load_profile("loihi1-measured")
SPIKES = {"layer0": 3.0, "layer1": 5.0}


def test_profiles_that_differ_in_what_no_placement_asks_for_share_one() -> None:
    mapping_cache, network = MappingCache(), perceptron(8, 6, 3)
    dearer = replace(MEASURED, name="dearer", energy=replace(MEASURED.energy, synop=None))
    first, second = (mapping_cache.map(network, profile, SPIKES) for profile in (dearer, MEASURED))
    assert second.cores is first.cores
    assert (first.profile, second.profile) == ("dearer", "loihi1-measured")
    alone = map_network(network, MEASURED, spikes=SPIKES)
    assert second.cores == alone.cores
    np.testing.assert_array_equal(second.messages_per_spike, alone.messages_per_spike)


def test_other_chips_networks_and_spikes_are_placed_anew() -> None:
    mapping_cache, network = MappingCache(), perceptron(8, 6, 3)
    first = mapping_cache.map(network, DESIGNED, SPIKES)
    assert len(mapping_cache.map(network, chip(neurons_per_core=6), SPIKES).cores) > len(first.cores)
    assert mapping_cache.map(network, DESIGNED, {**SPIKES, "layer1": 4.0}).cores is not first.cores
    assert mapping_cache.map(network, MEASURED, SPIKES).cores is not first.cores, "its times are others"
    assert mapping_cache.map(replace(network), MEASURED, SPIKES).cores is not first.cores


def test_what_does_not_fit_is_refused_by_each() -> None:
    mapping_cache = MappingCache()
    for name in ("one", "other"):
        small = replace(chip(synapse_words_per_core=1), name=name)
        with pytest.raises(GateFailed, match=name):
            mapping_cache.map(perceptron(8, 6, 3), small, SPIKES)
