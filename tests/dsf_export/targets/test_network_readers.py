"""Networks of one framework in another, by the NIR file written for it: the writer's own spikes, or a refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from snntorch.import_nir import import_from_nir

from dsf_common.errors import UserError
from dsf_export.command_export import main
from dsf_export.sources.read_source import read_network, source_options
from dsf_export.targets.network_readers import NETWORK_READERS, find_network_reader, write_network_for
from support.small_nir import affine, ends, lif, write_graph
from support.writers.golden import Golden, load


def written(golden: Golden, folder: Path, reader: str) -> Path:
    """The golden's network as a file for ``reader``."""
    network = read_network(golden.write(folder), "nir", source_options(golden.options))
    path = folder / f"for-{reader}.nir"
    write_network_for(network, find_network_reader(reader), path)
    return path


def by_snntorch(path: Path, sample: NDArray[Any]) -> NDArray[Any]:
    """What snnTorch makes of a file, (steps, outputs)."""
    network, state, outputs = import_from_nir(nir.read(path)), None, []
    for row in torch.as_tensor(sample, dtype=torch.float32):
        answer, state = network(row, state)
        outputs.append(answer.detach().numpy().reshape(-1))
    return np.array(outputs)


@pytest.mark.parametrize(
    "name", ["norse-box", "spikingjelly-leaky", "snntorch-convolution", "snntorch-unequal-beta", "snntorch-leaky-zero"]
)
def test_snntorch_gives_the_spikes_of_the_writer(name: str, tmp_path: Path) -> None:
    golden = load(name)
    path = written(golden, tmp_path, "snntorch")
    for sample, wanted in zip(golden.inputs, golden.outputs, strict=True):
        assert np.array_equal(by_snntorch(path, sample), wanted)


@pytest.mark.parametrize("weight", [1.0, np.float32(1) - np.float32(2**-24)])
def test_at_the_threshold_a_neuron_fires_where_the_network_does(weight: float, tmp_path: Path) -> None:
    """`≥` for a reader that compares by `>`: snnTorch fires at 1, and one step of float32 below not."""
    nodes = ends([1], [1]) | {
        "fc": ("Affine", {"weight": np.full((1, 1), weight, np.float32), "bias": np.zeros(1, np.float32)}),
        "lif": lif(1, beta=0.5),
    }
    source = write_graph(tmp_path / "network.nir", nodes, [("input", "fc"), ("fc", "lif"), ("lif", "output")])
    fired = {}
    for compare in ("ge", "gt"):
        network = read_network(source, "nir", source_options(["dt=1e-4", "reset=zero", f"compare={compare}"]))
        path = tmp_path / f"{compare}.nir"
        write_network_for(network, find_network_reader("snntorch"), path)
        fired[compare] = bool(by_snntorch(path, np.ones((1, 1))).any())
    assert fired == {"ge": weight == 1, "gt": False}


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("norse-current", "spikingjelly"),
        ("norse-integrator", "spikingjelly"),
        ("spikingjelly-current", "norse"),
        ("snntorch-leaky-zero", "nir104"),
        ("rockpool-several-spikes", "sinabs"),
        ("sinabs-unequal-tau", "sinabs"),
    ],
)
def test_the_command_writes_it_and_says_what_the_reader_will_do(
    name: str, reader: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = load(name)
    path = golden.write(tmp_path)
    call = [str(path), *golden.options, f"calibration={path.with_suffix('.npz')}", "--target", "nir", "--for", reader]
    assert main(call) == 0
    out = capsys.readouterr().out
    output = tmp_path / f"program-{reader}.nir"
    assert f"wrote {output} for {reader}" in out
    (row,) = (line.split() for line in out.splitlines() if f"as {reader} reads it" in line)
    assert row[-2:] == ["0", "2/2"]
    assert nir.read(output).metadata["decision_spikeformer"]["reset"] == NETWORK_READERS[reader].reset
    for source, target in nir.read(output).edges:
        assert source < target


def test_files_for_sinabs_are_of_nir_1_0_4(tmp_path: Path) -> None:
    with h5py.File(written(load("sinabs-leaky"), tmp_path, "sinabs")) as file:
        assert all("v_reset" not in node for node in file["node/nodes"].values())


@pytest.mark.parametrize(
    ("name", "reader", "sentence"),
    [
        ("snntorch-leaky-subtract", "snntorch", "node 1 does not fit: its neurons take the threshold off a step later"),
        ("snntorch-synaptic-zero", "norse", "node 1 does not fit: its neurons are held at 0 for the whole step after"),
        ("norse-box", "sinabs", "node 1 does not fit: its neurons reset to 0, and those of sinabs take the threshold"),
        ("norse-current", "snntorch", "node 1 does not fit: snntorch reads no CubaLIF, or not right"),
        ("sinabs-integrator", "sinabs", "node 1 does not fit: sinabs reads no IF, or not right"),
        ("norse-readout", "spikingjelly", "3 does not fire, and spikingjelly reads no such neurons"),
        ("snntorch-unequal-beta", "spikingjelly", "1 has several time constants, and spikingjelly takes one a node"),
        ("snntorch-recurrent-subtract", "snntorch", "is a loop, and snntorch reads none right"),
        ("snntorch-convolution", "norse", "node 2 does not fit: norse reads no AvgPool2d"),
        ("norse-box", "spyx", "spyx reads no network with its spikes: it compares with the threshold before"),
    ],
)
def test_a_node_that_does_not_fit_is_named(name: str, reader: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=sentence):
        written(load(name), tmp_path, reader)
    assert not (tmp_path / f"for-{reader}.nir").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--target", "nir"], "is written as NIR for one framework that reads it: give --for NAME"),
        (["--target", "lava", "--for", "norse"], "--for names a reader of NIR files, and the target is lava"),
        (["--target", "nir", "--for", "nors"], "unknown reader 'nors': did you mean norse"),
        (["--target", "nir", "--for", "norse", "terms=3"], "terms= is for programs in integers"),
        (["--target", "nir", "--for", "norse", "--chip", "lava"], "--chip is for programs in integers"),
    ],
)
def test_a_call_that_means_something_else_is_refused(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = ends([3], [2]) | {"fc": affine(2, 3, 0), "lif": lif(2)}
    source = write_graph(tmp_path / "network.nir", nodes, [("input", "fc"), ("fc", "lif"), ("lif", "output")])
    assert main([str(source), "dt=1e-4", "reset=zero", "compare=gt", *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["network.nir"]
