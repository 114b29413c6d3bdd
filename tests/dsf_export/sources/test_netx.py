"""netx files: the numbers of the file, run by a plain restatement of Loihi's arithmetic, are the program's spikes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_export.sources.content import content_of
from dsf_export.sources.import_of_call import import_file
from neuro_runtime.program.sample_run import run_sample
from neuro_runtime.simulators.interpreter import Interpreter
from support.small_netx import dense, neuron, write_netx


def decayed(state: NDArray[Any], loss: int) -> NDArray[Any]:
    kept: NDArray[Any] = np.sign(state) * ((np.abs(state) * (4096 - loss)) >> 12)
    return kept


def plain_chain(layers: Any, sample: NDArray[Any], compare: str) -> NDArray[Any]:
    """Each layer on all time steps of the one before."""
    spikes = sample.astype(np.int64)
    for layer in layers:
        weight, cell = np.asarray(layer["weight"], dtype=np.int64), layer["neuron"]
        back = np.asarray(layer.get("weight_rec", np.zeros((len(weight),) * 2)), dtype=np.int64)
        current, voltage, fired = (np.zeros(len(weight), dtype=np.int64) for _ in range(3))
        rows, limit = [], cell["vThMant"] * 64 - (compare == "ge")
        for row in spikes:
            arriving = weight @ row + back @ fired + np.asarray(layer.get("bias", 0), dtype=np.int64)
            current = decayed(current, cell["iDecay"]) + arriving * 64
            voltage = decayed(voltage, cell["vDecay"]) + current
            fired = (voltage > limit).astype(np.int64)
            voltage = np.where(fired, 0, voltage)
            rows.append(fired)
        spikes = np.array(rows)
    return spikes


CHAINS: dict[str, Any] = {
    "dense": [dense(12, 8, 1), dense(5, 12, 2)],
    "synaptic current": [dense(12, 8, 1, neuron=neuron(40, 1000, 300)), dense(5, 12, 2)],
    "bias": [dense(12, 8, 1, bias=np.arange(12.0) - 5), dense(5, 12, 2, bias=np.full(5, 3.0))],
    "odd and large weights": [dense(12, 8, 1, weight=np.random.default_rng(3).integers(-301, 400, (12, 8)) * 1.0)],
    "feeds itself": [dense(12, 8, 1) | {"type": "dense_rec", "weight_rec": np.eye(12) * -14 + 4}],
}


@pytest.mark.parametrize("compare", ["gt", "ge"])
@pytest.mark.parametrize("name", CHAINS)
def test_a_program_has_the_spikes_of_the_files_numbers(name: str, compare: str, tmp_path: Path) -> None:
    path = write_netx(tmp_path / "network.net", CHAINS[name])
    program = import_file(path, content_of(path), [f"compare={compare}"]).program
    sample = (np.random.default_rng(4).random((60, 8)) < 0.3).astype(float)
    program = program.for_steps(len(sample) + program.latency)
    expected = plain_chain(CHAINS[name], sample, compare)
    assert expected.sum() > 0
    np.testing.assert_array_equal(run_sample(program, Interpreter(program), sample).output, expected)


BAD: dict[str, tuple[Any, str]] = {
    "sigma-delta": ([dense(4, 8, 1) | {"type": "SDNN"}], "sigma-delta networks are not covered"),
    "a sigma-delta neuron": ([dense(4, 8, 1, neuron=neuron() | {"type": "SDNN"})], "sigma-delta neurons"),
    "pooling": ([dense(4, 8, 1) | {"type": "average"}], "layer 0 is a average: it is not covered"),
    "refractory": ([dense(4, 8, 1, neuron=neuron(refDelay=3))], "refractory delay of 3"),
    "graded": ([dense(4, 8, 1, neuron=neuron(gradedSpike=True))], "graded spikes"),
    "a decay out of range": ([dense(4, 8, 1, neuron=neuron(voltage_decay=5000))], "vDecay=5000, outside"),
    "no weights": ([{"type": "dense", "neuron": neuron()}], "has no weight"),
    "a misfit": ([dense(4, 8, 1), dense(4, 5, 1)], "do not take an input of"),
    "no layers": ([], "holds|neither"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_covered_is_refused_by_layer(name: str, tmp_path: Path) -> None:
    layers, message = BAD[name]
    path = write_netx(tmp_path / "network.net", layers)
    with pytest.raises(UserError, match=message):
        import_file(path, content_of(path), ["compare=ge"])


def test_the_comparison_is_asked_for(tmp_path: Path) -> None:
    path = write_netx(tmp_path / "network.net", CHAINS["dense"])
    with pytest.raises(UserError, match="compare=ge or compare=gt"):
        import_file(path, content_of(path), [])


@pytest.mark.parametrize("pair", ["dt=1e-3", "terms=2", "groups=2", "reset=subtract", "from=snntorch"])
def test_an_option_that_a_netx_file_answers_by_itself_is_refused(pair: str, tmp_path: Path) -> None:
    path = write_netx(tmp_path / "network.net", [dense(5, 4, 1)])
    with pytest.raises(UserError, match=f"{pair.partition('=')[0]}=.* is not for a netx file"):
        import_file(path, content_of(path), ["compare=gt", pair])
    import_file(path, content_of(path), ["compare=gt", "from=lava", "reset=zero"])
