"""Every design rule can be broken, and then says layer, value, limit and what to change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsf_common.errors import GateFailed
from hw_profiles.mapping import map_network
from hw_profiles.network import ChipNetwork, HostCurrent, NeuronParameters, Projection, Role
from hw_profiles.profile import Profile
from support.small_networks import PARAMETERS, chip, dense, network, perceptron, population


def two_layers(synapses: int = 4, exponent: int = 0, weight_bits: int = 8, delay: int = 0) -> ChipNetwork:
    """``a`` of some neurons into ``b`` of two."""
    wired = dense(synapses, 2, delay, exponent, weight_bits)
    return network([population("a", synapses), population("b", 2)], [Projection("a", "b", wired)])


def with_parameters(parameters: NeuronParameters, role: Role = Role.lif) -> ChipNetwork:
    """One layer of one neuron."""
    return network([replace(population("a", 1, role), parameters=parameters)], [])


def with_current(value_bits: int) -> ChipNetwork:
    """One layer that the host reaches."""
    return network([population("a", 2)], [], (HostCurrent("a", 2, 0, 0, value_bits),))


BROKEN = [
    pytest.param(
        two_layers(), chip(axons_in_per_core=3), "b has input axons a core 4, the chip allows 3", id="axons in"
    ),
    pytest.param(
        two_layers(), chip(synapse_words_per_core=3), "b has synapse words a core 4, the chip allows 3", id="memory"
    ),
    pytest.param(two_layers(), chip(words_per_axon=0), "b has words an axon a core 1, the chip allows 0", id="fan-out"),
    pytest.param(
        two_layers(), chip(axons_out_per_core=0), "a has output axons a core 1, the chip allows 0", id="axons out"
    ),
    pytest.param(
        two_layers(),
        chip(synapse_formats_per_core=0),
        "b has synapse formats a core 1, the chip allows 0",
        id="formats",
    ),
    pytest.param(
        two_layers(), chip(neuron_groups_per_core=0), "a has neuron groups a core 1, the chip allows 0", id="groups"
    ),
    pytest.param(
        two_layers(), chip(delay_slots_per_core=1), "a has delay slots a core 2, the chip allows 1", id="delay slots"
    ),
    pytest.param(two_layers(), chip(neurons_per_core=0), "a has neurons a core 1, the chip allows 0", id="neurons"),
    pytest.param(
        two_layers(weight_bits=9), chip(weight_bits=8), "a -> b has weight bits 9, the chip allows 8", id="weight"
    ),
    pytest.param(
        two_layers(exponent=8), chip(), "a -> b has a weight exponent of 8, the chip allows 7", id="large exponent"
    ),
    pytest.param(
        two_layers(exponent=-9), chip(), "a -> b has a weight exponent of -9, the chip allows -7", id="small exponent"
    ),
    pytest.param(
        with_parameters(replace(PARAMETERS, threshold=2**17)),
        chip(),
        "a has threshold bits 18, the chip allows 17",
        id="threshold",
    ),
    pytest.param(
        with_parameters(replace(PARAMETERS, voltage_decay=4096)),
        chip(),
        "a has decay bits 13, the chip allows 12",
        id="decay",
    ),
    pytest.param(
        with_parameters(replace(PARAMETERS, state_bits=32)),
        chip(),
        "a has state bits 32, the chip allows 24",
        id="state",
    ),
    pytest.param(
        with_current(25), chip("loihi2"), "a has host value bits 25, the chip allows 24", id="graded spike too narrow"
    ),
    pytest.param(
        with_parameters(PARAMETERS, Role.product), chip(), "a has product neurons 1, the chip allows 0", id="products"
    ),
    pytest.param(
        perceptron(3, 3),
        chip(neurons_per_core=1, cores_per_chip=2, chips_per_board=2),
        "test has chips 3, the chip allows 2",
        id="chips",
    ),
]


@pytest.mark.parametrize(("wired", "profile", "sentence"), BROKEN)
def test_a_broken_rule_is_named(wired: ChipNetwork, profile: Profile, sentence: str) -> None:
    with pytest.raises(GateFailed) as refused:
        map_network(wired, profile)
    assert f"{sentence}; " in f"{refused.value}; "
    assert str(refused.value).startswith(f"test does not fit {profile.name}: ")


def test_all_violations_are_listed() -> None:
    with pytest.raises(GateFailed, match=r"weight bits 9.*exponent of 8"):
        map_network(two_layers(weight_bits=9, exponent=8), chip())


def test_a_limit_that_the_chip_does_not_state_is_none() -> None:
    unlimited = chip(synapse_formats_per_core=None, neuron_groups_per_core=None, delay_slots_per_core=None)
    assert len(map_network(two_layers(delay=60), unlimited).cores) == 1


def test_wide_host_values_are_no_matter_where_they_are_biases() -> None:
    assert len(map_network(with_current(25), chip()).cores) == 1
