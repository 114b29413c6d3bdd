"""The part of each chip that runs each operation."""

from __future__ import annotations

import pytest

from dsf_common.errors import GateFailed
from hw_profiles.loader import load_profile
from hw_profiles.mapping import OperationKind, map_network
from hw_profiles.mapping.classify import classify
from hw_profiles.network import ChipNetwork, HostCurrent, Projection, Role
from support.small_networks import dense, network, population


def attention(role: Role) -> ChipNetwork:
    """Queries meet keys in neurons of some role."""
    layers = [population("query", 8), population("key", 8), population("scores", 16, role)]
    projections = [Projection(name, "scores", dense(8, 16)) for name in ("query", "key")]
    return network(layers, projections, (HostCurrent("query", 8, 0, 0, 14),))


def kinds(wired: ChipNetwork, chip: str) -> dict[tuple[str, str], tuple[OperationKind, int]]:
    """The kind and the count of every operation, by layer and what it is."""
    capacity = load_profile(chip).capacity
    assert capacity is not None
    return {(item.layer, item.what): (item.kind, item.count) for item in classify(wired, capacity)}


@pytest.mark.parametrize("chip", ["loihi1-davies2018", "loihi2"])
def test_an_and_of_spikes_runs_on_every_chip(chip: str) -> None:
    found = kinds(attention(Role.coincidence), chip)
    assert found["scores", "neurons"] == (OperationKind.coincidence, 16)
    assert found["scores", "synapses"] == (OperationKind.synaptic, 256)
    assert found["query", "currents"] == (OperationKind.host, 8)
    assert found["host", "multiply-accumulates"] == (OperationKind.host, 10)


def test_products_need_loihi_2() -> None:
    """Attention maps of integers (TSSA) and of products (SSSA) are no AND of spikes."""
    assert kinds(attention(Role.product), "loihi2")["scores", "neurons"] == (OperationKind.product, 16)
    unsupported = kinds(attention(Role.product), "loihi1-davies2018")["scores", "neurons"]
    assert unsupported == (OperationKind.unsupported, 16)
    assert map_network(attention(Role.product), load_profile("loihi2")).cores
    with pytest.raises(
        GateFailed, match=r"scores has product neurons 16, the chip allows 0; use a token mixing without"
    ):
        map_network(attention(Role.product), load_profile("loihi1-davies2018"))


def test_nothing_that_was_placed_is_unsupported() -> None:
    mapping = map_network(attention(Role.coincidence), load_profile("loihi1-davies2018"))
    assert all(item.kind is not OperationKind.unsupported for item in mapping.operations)


def test_how_a_current_gets_in_is_said() -> None:
    for chip, words in (("loihi2", "as a graded spike"), ("loihi1-davies2018", "into the neurons' biases")):
        capacity = load_profile(chip).capacity
        assert capacity is not None
        current = next(item for item in classify(attention(Role.lif), capacity) if item.what == "currents")
        assert words in current.why
