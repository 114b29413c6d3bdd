"""A lowered program and a reader's run may differ from their network where rounding decides; nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsf_common.errors import GateFailed
from dsf_export.parity import SINGLE_ROUNDING
from dsf_export.sources import imported as importing
from dsf_export.sources import rounding_gate
from dsf_export.sources.float_network import FloatNetwork, run_network
from dsf_export.sources.import_of_call import import_file
from dsf_export.sources.imported import SAME, Imported
from dsf_export.sources.lower_network import Lowered, lower_network
from dsf_export.sources.read_source import read_network, source_options
from dsf_export.sources.rounding_gate import unlike_by_more_than_rounding
from dsf_export.sources.sparse_map import SparseMap
from support.small_nir import affine, ends, lif, write_graph

PLAIN = ("dt=1e-4", "reset=zero", "compare=gt")
WHOLE_STEPS = ("dt=1", "reset=zero", "compare=gt")
OFF = 1.01
RARE = 8  # neuron of two_layers that fires once on the samples that an import makes
SEVENTHS = 200  # neurons, of which one is at its threshold again and again


def two_layers(folder: Path, mask: Any = None) -> Path:
    nodes = ends([8], [12]) | {"in": affine(12, 8, 1), "a": lif(12), "between": affine(12, 12, 2), "b": lif(12)}
    edges = [("input", "in"), ("in", "a"), ("a", "between"), ("between", "b")]
    if mask is None:
        return write_graph(folder / "network.nir", nodes, [*edges, ("b", "output")])
    nodes["mask"] = "Linear", {"weight": np.diag(np.asarray(mask, np.float32))}
    return write_graph(folder / "network.nir", nodes, [*edges, ("b", "mask"), ("mask", "output")])


def sevenths(folder: Path) -> Path:
    """Integrators; the first fires after seven sevenths of its threshold, but not where that is the unit."""
    weight, threshold = np.zeros((SEVENTHS, 1)), np.full(SEVENTHS, 0.7)
    threshold[0] = np.float32(0.4)
    weight[0] = threshold[0] / 7
    nodes = ends([1], [SEVENTHS]) | {"w": ("Linear", {"weight": weight})}
    nodes["if"] = "IF", {"r": np.ones(SEVENTHS), "v_threshold": threshold}
    return write_graph(folder / "sevenths.nir", nodes, [("input", "w"), ("w", "if"), ("if", "output")])


def import_with(path: Path, monkeypatch: pytest.MonkeyPatch, wrong: Any) -> Imported:
    """The import of a network that is lowered wrongly."""

    def lower(network: FloatNetwork, *rest: Any) -> Lowered:
        lowered = lower_network(network, *rest)
        return Lowered(wrong(lowered.program), wrong(lowered.watched))

    monkeypatch.setattr(importing, "lower_network", lower)
    return import_file(path, "nir", PLAIN)


def weights_off(program: Any) -> Any:
    """Those from one layer into a neuron of the next, by a hundredth."""
    (between,) = (item for item in program.connections if (item.source, item.target) == ("a", "b"))
    weight = between.weight.copy()
    weight[3] *= OFF
    changed = replace(between, weight=weight)
    return replace(program, connections=tuple(changed if item is between else item for item in program.connections))


def test_a_rare_wrong_spike_is_refused_by_layer_step_and_neuron(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = two_layers(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(importing, "require_only_rounding", lambda *_: None)
        row = import_with(path, patch, weights_off).rows[2]
    assert 0 < row.different <= SAME * row.compared
    with pytest.raises(
        GateFailed, match=r"neuron 3 of b fires in the .*, in time step \d+ of sample \d, and its membr"
    ):
        import_with(path, monkeypatch, weights_off)


def test_an_output_that_is_read_wrongly_is_refused_though_all_neurons_spike_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Output weights that mask a neuron that fires once, taken for the identity."""
    path = two_layers(tmp_path, mask=np.arange(12) != RARE)
    import_file(path, "nir", PLAIN)
    monkeypatch.setattr(SparseMap, "is_identity", property(lambda self: self.sources == self.targets))
    with pytest.raises(GateFailed, match=rf"place {RARE} of the output is 0 in the network and 1 in the program, in"):
        import_file(path, "nir", PLAIN)


def test_spikes_that_rounding_decides_and_those_after_them_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sevenths(tmp_path)
    row = import_file(path, "nir", WHOLE_STEPS).rows[2]
    assert row.different > 0
    monkeypatch.setattr(rounding_gate, "ROUNDING", 0.0)
    with pytest.raises(
        GateFailed, match=r"neuron 0 of if fires in the network and not in the program, .* 5\.55e-17 from"
    ):
        import_file(path, "nir", WHOLE_STEPS)


def test_a_reader_that_spikes_otherwise_is_told_by_layer_step_and_neuron(tmp_path: Path) -> None:
    network = read_network(two_layers(tmp_path), "nir", source_options(PLAIN))
    sample = np.random.default_rng(0).random((40, 8)) < 0.5
    ours = run_network(network, sample)
    assert unlike_by_more_than_rounding(network, [ours], [ours], "reader", SINGLE_ROUNDING) is None
    step, neuron = np.argwhere(ours.spikes["b"])[0].tolist()
    lost = ours.spikes["b"].copy()
    lost[step, neuron] = 0
    theirs = replace(ours, spikes={**ours.spikes, "b": lost})
    told = unlike_by_more_than_rounding(network, [ours, ours], [ours, theirs], "reader", SINGLE_ROUNDING)
    assert told is not None
    assert told.startswith(
        f"neuron {neuron} of b fires in the network and not in the reader, in time step {step} of sample 1"
    )
    everything = float(np.abs(ours.voltages["b"]).max())
    assert unlike_by_more_than_rounding(network, [ours], [theirs], "reader", everything) is None
