"""A network that is given samples gives the same spikes and states on the interpreter, loihi-fast and Lava."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsf_common.errors import UserError
from neuro_runtime.program import load_program, load_spiking_program, program_hash, save_program, validate
from neuro_runtime.program.nodes import Dense, Lif, SpikeInput
from neuro_runtime.program.sample import SampleEncoder, SampleOutput, SampleProgram
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.simulator import NeuronRecording, Simulator
from support.small_sample_programs import random_sample_program

STEPS = 20


def samples(program: SampleProgram, seed: int) -> list[NDArray[Any]]:
    random = np.random.default_rng(seed)
    shape = (STEPS, *program.encoder.shape)
    spikes = program.encoder.kind == "spikes"
    return [random.integers(0, 2, shape) if spikes else random.normal(size=shape) for _ in range(3)]


def assert_equal(ours: NeuronRecording, theirs: NeuronRecording) -> None:
    for part in ("spikes", "currents", "voltages"):
        for name, values in getattr(ours, part).items():
            np.testing.assert_array_equal(values, getattr(theirs, part)[name], f"{part} of {name}")


def assert_alike(program: SampleProgram, seed: int, first: Simulator, second: Simulator) -> None:
    """Two samples one after the other, then a third after a reset."""
    for n, sample in enumerate(samples(program, seed)):
        rows = program.encoder.rows(sample, STEPS, integers=True)
        if n == 2:
            first.reset()
            second.reset()
        ours, theirs = first.decide(rows, record=True), second.decide(rows, record=True)
        assert ours.recording
        assert theirs.recording
        assert ours.spikes == theirs.spikes
        assert ours.spikes["output"] > 0
        assert_equal(ours.recording, theirs.recording)


@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_loihi_fast_is_the_interpreter(seed: int, values: bool) -> None:
    program = random_sample_program(seed, STEPS, values=values)
    validate(program)
    assert_alike(program, seed, Interpreter(program), LoihiFast(program))


def test_a_voltage_that_never_decays_outlasts_any_silence() -> None:
    """Two spikes of 60 each, as far apart as a sample is long, exceed 100 together."""
    steps = 70_000
    program = SampleProgram(
        arithmetic="loihi",
        active_steps=steps,
        period=steps,
        nodes=(SpikeInput("input", 1), Lif("sum", 1, 4095, 0, 100)),
        connections=(Dense("input", "sum", np.array([[60]])),),
        encoder=SampleEncoder("spikes", (1,)),
        outputs=(SampleOutput("sum", "spikes", np.zeros(1, dtype=np.int32), delay=1),),
        output_shape=(1,),
        name="sum",
    )
    validate(program)
    rows = np.zeros((steps, 1), dtype=np.int64)
    rows[[0, -2]] = 1
    assert LoihiFast(program).decide(rows).spikes["sum"] == 1


@pytest.mark.lava
@pytest.mark.parametrize(("seed", "values"), [(0, False), (1, True)])
def test_lava_is_the_interpreter(seed: int, values: bool) -> None:
    """Seed 0 fires above its thresholds in one layer, seed 1 at them."""
    program = random_sample_program(seed, STEPS, values=values)
    with LavaSession(program, record_states=True) as lava:
        assert_alike(program, seed, Interpreter(program), lava)


def test_a_file_gives_the_same_program_back(tmp_path: Path) -> None:
    path = tmp_path / "small.dsf.h5"
    for values in (False, True):
        program = random_sample_program(1, STEPS, values=values)
        save_program(program, path)
        assert program_hash(load_spiking_program(path)) == program_hash(program)
    with pytest.raises(UserError, match="no policy: run it with"):
        load_program(path)


def test_an_input_is_right_or_refused() -> None:
    encoder = random_sample_program(0, STEPS, values=False).encoder
    with pytest.raises(UserError, match="input=values"):
        encoder.rows(np.full((STEPS, 2, 3), 0.5), STEPS, integers=True)
    with pytest.raises(UserError, match="not finite"):
        encoder.rows(np.full((STEPS, 2, 3), np.nan), STEPS, integers=True)
    with pytest.raises(UserError, match="at least one time step"):
        encoder.rows(np.zeros((0, 2, 3)), STEPS, integers=True)
    with pytest.raises(UserError, match=r"\(time steps, 2, 3\)"):
        encoder.rows(np.zeros((STEPS, 6)), STEPS, integers=True)
