"""A layer split by room: every neuron keeps its synapses, and integers err less where neurons are not alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_export.sources.conventions import SourceOptions
from dsf_export.sources.float_network import FloatNetwork
from dsf_export.sources.import_of_call import import_file
from dsf_export.sources.lower_network import lower_network
from dsf_export.sources.quantise_network import room_of, run_all
from dsf_export.sources.read_source import read_network, source_options
from dsf_export.sources.split_layers import split_by_room
from neuro_runtime.program import validate
from neuro_runtime.program.chip import Chip
from neuro_runtime.program.sample import InputKind, SampleProgram
from support.small_nir import ends, lif, recurrent_graph, write_graph

PLAIN = ("dt=1e-4", "reset=zero", "compare=gt")


def recurrent(folder: Path) -> FloatNetwork:
    return read_network(recurrent_graph(folder / "network.nir"), "nir", source_options(PLAIN))


def uneven(folder: Path) -> Path:
    """Neurons that are brought from 1 to 64 times as much, each near its own threshold's worth."""
    random = np.random.default_rng(3)
    strength = np.repeat([1.0, 4.0, 16.0, 64.0], 8)[:, None]
    weight = strength * random.normal(0.05, 0.3, (32, 20))
    nodes = ends([20], [32]) | {"w": ("Linear", {"weight": weight.astype(np.float32)}), "a": lif(32)}
    return write_graph(folder / "uneven.nir", nodes, [("input", "w"), ("w", "a"), ("a", "output")])


def made(network: FloatNetwork, kind: InputKind) -> tuple[SampleProgram, list[NDArray[Any]]]:
    random = np.random.default_rng(5)
    samples: list[NDArray[Any]] = [(random.random((60, 8)) < 0.3).astype(float) for _ in range(3)]
    program = lower_network(network, kind, {}).program
    return program.for_steps(60 + program.latency), samples


@pytest.mark.parametrize("kind", ["spikes", "values"])
def test_every_neuron_keeps_its_spikes(kind: InputKind, tmp_path: Path) -> None:
    program, samples = made(recurrent(tmp_path), kind)
    before = run_all(program, samples)
    names = room_of(program, before, Chip.portable)
    room = {name: np.ldexp(1.0, np.arange(program.node(name).size)) for name in names}
    split = split_by_room(program, room, 3)
    validate(split)
    assert [node.name for node in split.neurons] == [f"{name}.{n}" for name in room for n in range(3)]
    assert [node.size for node in split.neurons] == [part for scale in room.values() for part in (1, 1, len(scale) - 2)]
    for one, other in zip(before, run_all(split, samples), strict=True):
        assert one.output.any()
        np.testing.assert_array_equal(one.output, other.output)
        assert sum(one.spikes.values()) == sum(other.spikes.values())


def test_neurons_of_equal_room_stay_one_node(tmp_path: Path) -> None:
    program, _ = made(recurrent(tmp_path), "spikes")
    room = {node.name: np.ones(node.size) for node in program.neurons}
    assert split_by_room(program, room, 4).nodes == program.nodes


def test_groups_take_errors_off(tmp_path: Path) -> None:
    path = uneven(tmp_path)
    one, four = (import_file(path, "nir", [*PLAIN, "terms=1", f"groups={groups}"]) for groups in (1, 4))
    assert [layer.layer for layer in four.layers] == ["a.0", "a.1", "a.2", "a.3"]
    assert 0 < four.rows[-1].different < one.rows[-1].different / 2


def test_a_number_of_groups_is_from_1_to_4(tmp_path: Path) -> None:
    assert SourceOptions().groups is None
    for option in ("groups=9", "groups=0", "terms=5", "terms=0"):
        with pytest.raises(UserError, match=f"{option} is outside 1 … 4"):
            import_file(uneven(tmp_path), "nir", [*PLAIN, option])
