"""Chains go out as netx and come back the same; what is no chain is refused by the node that does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dsf_common.errors import UserError
from dsf_export.command_export import main
from dsf_export.sources.content import content_of
from dsf_export.sources.import_of_call import import_file
from dsf_export.targets.netx import LARGEST_NETX_WEIGHT, write_netx
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.sample_run import run_sample
from neuro_runtime.simulators.interpreter import Interpreter
from support.small_netx import dense, neuron
from support.small_netx import write_netx as write_layers
from support.small_nir import affine, cuba, ends, lif, recurrent_graph, write_graph
from support.writers.golden import load

NIR = ("dt=1e-4", "reset=zero", "compare=gt", "terms=1")


def program_of(path: Path, options: Sequence[str]) -> SampleProgram:
    return import_file(path, content_of(path), options, largest_weight=LARGEST_NETX_WEIGHT).program


def plain(folder: Path) -> tuple[Path, Sequence[str]]:
    nodes = ends([8], [3]) | {"w": affine(12, 8, 1), "a": lif(12), "x": affine(3, 12, 2, 2.0), "b": lif(3, beta=0.8)}
    edges = [("input", "w"), ("w", "a"), ("a", "x"), ("x", "b"), ("b", "output")]
    return write_graph(folder / "plain.nir", nodes, edges), NIR


def at_threshold(folder: Path) -> tuple[Path, Sequence[str]]:
    path, _ = plain(folder)
    return path, ("dt=1e-4", "reset=zero", "compare=ge", "terms=1")


def unbiased_current(folder: Path) -> tuple[Path, Sequence[str]]:
    weight = ("Linear", {"weight": affine(6, 8, 1)[1]["weight"]})
    nodes = ends([8], [6]) | {"w": weight, "a": cuba(6)}
    return write_graph(folder / "cuba.nir", nodes, [("input", "w"), ("w", "a"), ("a", "output")]), NIR


def subtracting(folder: Path) -> tuple[Path, Sequence[str]]:
    """A soft reset is a synapse of each neuron to itself beside a synaptic current."""
    golden = load("snntorch-leaky-no-bias")
    return golden.write(folder), ("from=snntorch", "reset=subtract", "terms=1")


def subtracting_of_rockpool(folder: Path) -> tuple[Path, Sequence[str]]:
    """Both layers feed themselves by minus their thresholds, beside far smaller weights of their inputs."""
    golden = load("rockpool-leaky")
    return golden.write(folder), (*golden.options, "terms=1")


def from_netx(folder: Path) -> tuple[Path, Sequence[str]]:
    layers = [dense(12, 8, 1, bias=np.arange(12.0) - 5), dense(5, 12, 2, neuron=neuron(40, 1000, 300))]
    return write_layers(folder / "own.net", layers), ("compare=ge",)


CHAINS = {
    each.__name__: each
    for each in (plain, at_threshold, unbiased_current, subtracting, subtracting_of_rockpool, from_netx)
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_comes_back_with_the_same_spikes(name: str, tmp_path: Path) -> None:
    program = program_of(*CHAINS[name](tmp_path))
    write_netx(program, tmp_path / "out.net")
    read = program_of(tmp_path / "out.net", ())
    sample = (np.random.default_rng(1).random((60, *program.encoder.shape)) < 0.3).astype(float)
    ours, theirs = (_output(each, sample.reshape(60, *each.encoder.shape)) for each in (program, read))
    assert ours.any()
    np.testing.assert_array_equal(ours.reshape(60, -1), theirs.reshape(60, -1))


def test_weights_have_the_8_bits_that_lava_dl_reads(tmp_path: Path) -> None:
    path, options = plain(tmp_path)
    assert main([str(path), "--target", "netx", "--output", str(tmp_path / "out.net"), *options]) == 0
    with h5py.File(tmp_path / "out.net") as file:
        weights = [layer["weight"][()] for layer in file["layer"].values()]
    assert all(weight.min() >= -256 and weight.max() <= 254 for weight in weights)
    assert all(abs(weight).max() > 100 for weight in weights)
    heavy = import_file(path, content_of(path), options).program
    with pytest.raises(UserError, match=r"input -> a has weights of -?\d+ to \d+, and netx holds those of 8 bits"):
        write_netx(heavy, tmp_path / "heavy.net")


def test_odd_weights_beyond_127_are_a_sum_of_connections_and_refused(tmp_path: Path) -> None:
    layer = dense(6, 5, 1)
    layer["weight"][0, :2] = 201, 3
    chain = program_of(write_layers(tmp_path / "odd.net", [layer]), ("compare=gt",))
    with pytest.raises(UserError, match="is the sum of several 8-bit connections, and netx has one"):
        write_netx(chain, tmp_path / "out.net")


def test_both_matrices_of_a_layer_that_feeds_itself_are_in_one_8_bit_format(tmp_path: Path) -> None:
    path, options = subtracting_of_rockpool(tmp_path)
    write_netx(program_of(path, options), tmp_path / "out.net")
    with h5py.File(tmp_path / "out.net") as file:
        layers = [np.hstack((layer["weight"], layer["weight_rec"])) for layer in file["layer"].values()]
    assert all(layer.min() >= -128 and layer.max() <= 127 for layer in layers)
    assert any((layer % 2).any() for layer in layers)
    wide = dense(6, 5, 1) | {"type": "dense_rec", "weight_rec": np.eye(6) * -200}
    wide["weight"] = wide["weight"] + 1
    chain = program_of(write_layers(tmp_path / "wide.net", [wide]), ("compare=gt",))
    with pytest.raises(UserError, match="0 feeds itself by weights beyond -128 to 127 beside odd ones"):
        write_netx(chain, tmp_path / "again.net")
    assert not (tmp_path / "again.net").exists()


def _output(program: SampleProgram, sample: Any) -> Any:
    timed = program.for_steps(len(sample) + program.latency)
    return run_sample(timed, Interpreter(timed), sample).output


def two_readers(folder: Path) -> Path:
    nodes = ends([8], [6]) | {"w": affine(6, 8, 1, 2.0), "a": lif(6), "b": lif(6), "x": affine(6, 6, 2), "c": lif(6)}
    edges = [("input", "w"), ("w", "a"), ("w", "b"), ("a", "x"), ("b", "x"), ("x", "c"), ("c", "output")]
    return write_graph(folder / "two.nir", nodes, edges)


def unequal(folder: Path) -> Path:
    tau = np.array([5e-4, 5e-4, 1e-3, 1e-3])
    nodes = ends([5], [4]) | {"w": affine(4, 5, 1, 2.0), "a": lif(4, tau=tau, r=tau / 1e-4)}
    return write_graph(folder / "unequal.nir", nodes, [("input", "w"), ("w", "a"), ("a", "output")])


def membrane(folder: Path) -> Path:
    nodes = ends([5], [4]) | {"w": affine(4, 5, 1, 2.0)}
    return write_graph(folder / "membrane.nir", nodes, [("input", "w"), ("w", "output")])


def biased_current(folder: Path) -> Path:
    return recurrent_graph(folder / "recurrent.nir")


REFUSED: dict[str, tuple[Any, tuple[str, ...], str]] = {
    "two readers": (two_readers, (), "input is read by a, b"),
    "unequal time constants": (unequal, (), "input is read by a.0, a.1"),
    "a membrane": (membrane, (), "the output is not the spikes of readout"),
    "values": (lambda folder: plain(folder)[0], ("input=values",), "a.current is a CurrentInput"),
    "a bias beside a current": (biased_current, (), "hidden has a bias beside a synaptic current"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_chain_is_refused_by_node(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, more, sentence = REFUSED[name]
    output = tmp_path / "out.net"
    call = [str(make(tmp_path)), "--target", "netx", "--output", str(output), *NIR[:3], *more]
    assert main(call) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not output.exists()


def test_the_command_writes_a_chain_and_refuses_a_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, output = plain(tmp_path)[0], tmp_path / "out.net"
    assert main([str(path), "--target", "netx", "--output", str(output), *NIR[:3]]) == 0
    assert f"wrote {output}" in capsys.readouterr().out
    assert import_file(output, content_of(output), ()).network.origin["compare"] == "gt (told by the file)"
    (tmp_path / "model.pt").write_bytes(b"a policy")
    assert main([str(tmp_path / "model.pt"), "--target", "netx"]) == 2
    assert "a policy's input is a current that the host computes" in capsys.readouterr().err


def test_a_netx_bias_beside_a_synaptic_current_is_refused(tmp_path: Path) -> None:
    """A chip adds it to v, and the program's would go through u."""
    path = write_layers(tmp_path / "own.net", [dense(4, 5, 1, bias=np.ones(4), neuron=neuron(40, 1000, 300))])
    with pytest.raises(UserError, match="has a synaptic current and a v_leak"):
        program_of(path, ("compare=ge",))
