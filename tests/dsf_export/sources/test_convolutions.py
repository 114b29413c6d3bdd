"""Convolutions and pools of a file stay such in its program, as long as all neurons share their weights."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsf_export.sources.import_of_call import import_file
from neuro_runtime.program.nodes import Convolution
from neuro_runtime.program.sample import SampleProgram
from support.small_nir import affine, ends, lif, write_graph

PLAIN = ("dt=1e-4", "reset=zero", "compare=gt")


def layers(path: Path, shape: tuple[int, ...], between: dict[str, Any], sizes: dict[str, Any]) -> Path:
    """A chain of nodes from an input of ``shape``; ``sizes`` are those of the neurons."""
    nodes = ends(list(shape), [3]) | between
    neurons = {name: lif(int(np.prod(size))) for name, size in sizes.items()}
    neurons = {
        name: (kind, {key: np.reshape(value, sizes[name]) for key, value in parameters.items()})
        for name, (kind, parameters) in neurons.items()
    }
    names = ["input", *sorted({**between, **neurons}), "output"]
    return write_graph(path, nodes | neurons, list(pairwise(names)))


def network(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    convolution = {
        "input_shape": np.array([8, 8]),
        "weight": random.normal(0, 0.4, (6, 2, 3, 3)).astype(np.float32),
        "bias": random.normal(0, 0.1, 6).astype(np.float32),
        "stride": np.array([1, 1]),
        "padding": np.array([1, 1]),
        "dilation": np.array([1, 1]),
        "groups": 1,
    }
    pool = {"kernel_size": np.array([2, 2]), "stride": np.array([2, 2]), "padding": np.array([0, 0])}
    between = {
        "a-conv": ("Conv2d", convolution),
        "c-pool": ("SumPool2d", pool),
        "e-flat": ("Flatten", {"start_dim": 0, "end_dim": -1, "input_type": np.array([6, 4, 4])}),
        "f-affine": affine(3, 96, 1),
    }
    return layers(tmp_path / "network.nir", (2, 8, 8), between, {"b-lif": (6, 8, 8), "d-lif": (6, 4, 4), "g-lif": (3,)})


def kernels(program: SampleProgram) -> dict[str, tuple[int, ...]]:
    """The shapes of the kernels into each node."""
    return {item.target: item.weight.shape for item in program.connections if isinstance(item, Convolution)}


def test_a_convolution_and_a_pool_are_kept_and_spike_as_the_network(tmp_path: Path) -> None:
    imported = import_file(network(tmp_path), "nir", PLAIN)
    assert kernels(imported.program) == {"b-lif": (6, 2, 3, 3), "d-lif": (6, 1, 2, 2)}
    assert imported.rows[0].spikes > 1000
    assert imported.rows[2].different == 0
    assert imported.rows[3].different <= 0.02 * imported.rows[3].spikes


@pytest.mark.parametrize("groups", [1, 2])
def test_a_layer_that_is_split_lists_its_synapses(groups: int, tmp_path: Path) -> None:
    imported = import_file(network(tmp_path), "nir", [*PLAIN, f"groups={groups}"])
    split = {node.name.partition(".")[0] for node in imported.program.nodes if "." in node.name}
    assert (split != set()) == (groups == 2)
    assert not split & set(kernels(imported.program))
    assert imported.rows[2].different == 0
