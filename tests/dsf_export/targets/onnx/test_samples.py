"""Imported networks in ONNX Runtime, a time step a call: every spike and membrane is the interpreter's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import dsf_export.targets.onnx.sample_file as sample_file
from dsf_common.errors import GateFailed
from dsf_export.command_export import main
from dsf_export.sources.stage_rows import StageRow
from dsf_export.targets.onnx.metadata import FORM
from dsf_export.targets.onnx.sample_file import SAMPLE_FORM, row_of, write_checked
from dsf_export.targets.onnx.sample_model import INPUT, OUTPUT
from neuro_runtime.program.sample_run import outputs_of, run_sample
from neuro_runtime.simulators.interpreter import Interpreter
from support.imported_networks import imported
from support.small_sample_programs import random_sample_program
from support.writers.golden import load


@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_loops_delays_and_either_input_are_the_interpreters(seed: int, values: bool, tmp_path: Path) -> None:
    program = random_sample_program(seed, 1, values=values)
    random = np.random.default_rng(seed)
    shape = (30, *program.encoder.shape)
    samples = [random.normal(size=shape) if values else (random.random(shape) < 0.4).astype(float) for _ in range(2)]
    row = write_checked(program, samples, tmp_path / "program.onnx")
    assert row.spikes > 100
    assert row.different == 0


@pytest.mark.parametrize("name", ["norse-readout", "norse-current", "sinabs-unequal-tau"])
def test_networks_of_other_frameworks_are_the_interpreters(name: str, tmp_path: Path) -> None:
    golden = load(name)
    network = imported(golden, golden.write(tmp_path))
    assert not isinstance(network, str)
    row = write_checked(network.program, network.samples, tmp_path / "program.onnx")
    assert row.spikes > 0
    assert row.different == 0


def test_the_reference_evaluator_agrees_on_a_convolution(tmp_path: Path) -> None:
    golden = load("snntorch-convolution")
    network = imported(golden, golden.write(tmp_path))
    assert not isinstance(network, str)
    path, sample = tmp_path / "program.onnx", network.samples[0][:12]
    assert write_checked(network.program, [sample], path).different == 0
    timed = network.program.for_steps(len(sample) + network.program.latency)
    wanted = outputs_of(timed, run_sample(timed, Interpreter(timed), sample).recording, len(sample), late=True)
    model = onnx.load(path)
    names = [output.name for output in model.graph.output]
    states = {
        item.name: np.zeros([each.dim_value for each in item.type.tensor_type.shape.dim], np.uint8)
        for item in model.graph.input
    }
    states = {name: value.astype(np.int32) if name.startswith("voltage.") else value for name, value in states.items()}
    evaluator = ReferenceEvaluator(model)
    for given, output in zip(sample, wanted, strict=True):
        states[INPUT] = given[None].astype(np.uint8)
        results = dict(zip(names, evaluator.run(names, states), strict=True))
        assert np.array_equal(results[OUTPUT][0], output)
        states = {name.removeprefix("next."): value for name, value in results.items() if name.startswith("next.")}


def test_an_export_says_what_onnx_runtime_gave(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    golden = load("snntorch-leaky-zero")
    path, output = golden.write(tmp_path), tmp_path / "network.onnx"
    given = [*golden.options, f"calibration={path.with_suffix('.npz')}", "--target", "onnx", "--output", str(output)]
    assert main([str(path), *given]) == 0
    assert "integers in ONNX Runtime" in capsys.readouterr().out
    metadata = {entry.key: entry.value for entry in onnx.load(output).metadata_props}
    assert metadata[FORM] == SAMPLE_FORM


def test_a_file_that_differs_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = StageRow("", 1, 1, different=1, same_class=1, samples=1)
    monkeypatch.setattr(sample_file, "row_of", lambda *_: wrong)
    path = tmp_path / "program.onnx"
    with pytest.raises(GateFailed, match="differs from the program in 1 places"):
        write_checked(random_sample_program(0, 1, values=False), [], path)
    assert not path.exists()


def test_a_difference_is_counted(tmp_path: Path) -> None:
    one, other = (random_sample_program(seed, 1, values=False) for seed in (0, 2))
    path, sample = tmp_path / "program.onnx", np.ones((20, *one.encoder.shape))
    write_checked(one, [sample], path)
    assert row_of(other, [sample], path).different > 0
