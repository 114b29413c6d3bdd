"""The table of a mapping, read back."""

from __future__ import annotations

from hw_profiles.loader import load_profile
from hw_profiles.mapping import map_network
from hw_profiles.mapping.mapping_text import mapping_text
from support.small_networks import perceptron


def test_each_layer_has_a_row_with_its_binding_resource_marked() -> None:
    """1000 -> 600 on Loihi 1: 14,000 of 16,384 words on each of six cores; 6000 output axons of the thousand on two."""
    mapping = map_network(perceptron(1000, 600), load_profile("loihi1-davies2018"), "greedy")
    header, first, second, _, sums = mapping_text(mapping).splitlines()
    assert header.split()[:3] == ["layer", "cores", "neurons"]
    assert first.split()[:3] == ["layer0", "2", "500"]
    cells = second.split()
    assert cells[:3] == ["layer1", "6", "100"]
    assert [cell for cell in cells if cell.endswith("*")] == ["85.4*"]
    assert cells[-3:] == ["672.0", "6000", "0"]
    assert sums == (
        "test, stream layout, on loihi1-davies2018: 8 cores in 2 tiles, chips: 1, 1600 neurons of which 0 are relays, "
        "600000 synapses. * binds."
    )
