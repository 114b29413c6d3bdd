"""The one public trace of a Loihi 2 in this arithmetic: a neuron of the NIR paper, 1,000 time steps.

Pedersen et al., "Neuromorphic intermediate representation", Nature Communications 15, 2024; recorded by its authors on
a Loihi 2 through Lava's hardware configuration, github.com/neuromorphs/NIR, paper/01_lif, lif_lava_loihi_fixed.csv
(BSD-3-Clause): an input spike, the voltage and an output spike a time step. One input of weight 10 into a LIF neuron
with du 4095, dv 163 and vth 25.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pytest
from numpy.typing import NDArray

from neuro_runtime.program.nodes import Accumulator, CurrentInput, Injection, Lif, Sparse
from neuro_runtime.program.program import Program
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.loihi_arithmetic import decayed
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.nengo_loihi.session import NengoLoihiSession
from neuro_runtime.simulators.simulator import Simulator
from support.small_programs import CLEARED, make_program

# The published table, without its voltages: those are held by their checksum, as 32-bit little-endian integers.
STEPS = 1000
INPUT_TIMES = (
    *(60, 220, 270, 310, 320, 350, 370, 400, 410, 430, 440, 450, 460, 470, 480, 490, 500, 510, 520, 530, 670, 680, 690),
    *(700, 710, 720, 730, 740, 750, 760, 770, 780, 840, 850),
)
OUTPUT_TIMES = (461, 511, 711, 761)
VOLTAGES = "a3c44bcb18cf938a1d32c6521d7af576f600acf3820302b16c98efc90abe803c"
READ_AT_A_SPIKE = 128

VOLTAGE_DECAY = 163
Opened = AbstractContextManager[Simulator]


def published_neuron() -> Program:
    """One decision of 1,000 time steps: the token makes one neuron spike first, and a delay brings each input."""
    delays = np.array(INPUT_TIMES, dtype=np.int32)
    here = np.zeros(len(delays), dtype=np.int32)
    nodes = (
        CurrentInput("token", 1),
        Lif("first", 1, CLEARED, CLEARED, 1),
        Lif("lif", 1, CLEARED, VOLTAGE_DECAY, 25),
        Accumulator("action", 1),
    )
    inputs = Sparse("first", "lif", here, here, np.full(len(delays), 10), delays)
    return make_program(nodes, (Injection("token", "first"), inputs), active_steps=1, period=STEPS)


def trace(simulator: Simulator) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Output spikes and voltages, (steps,)."""
    recording = simulator.decide(np.array([2]), record=True).recording
    assert recording is not None
    assert np.flatnonzero(recording.spikes["first"]).tolist() == [0]
    return recording.spikes["lif"][:, 0], recording.voltages["lif"][:, 0]


@pytest.mark.parametrize(
    "opened",
    [
        pytest.param(lambda program: nullcontext(Interpreter(program)), id="interpreter"),
        pytest.param(lambda program: nullcontext(LoihiFast(program)), id="loihi-fast"),
        pytest.param(lambda program: LavaSession(program, record_states=True), id="loihi-sim", marks=pytest.mark.lava),
        pytest.param(
            lambda program: NengoLoihiSession(program, record_states=True), id="nengo-loihi", marks=pytest.mark.lava
        ),
    ],
)
def test_a_chip_s_spikes_and_voltages_are_ours(opened: Callable[[Program], Opened]) -> None:
    """1,000 of 1,000 output spikes; every voltage but those of the four spikes, where the chip's probe reads 128."""
    with opened(published_neuron()) as simulator:
        fired, voltages = trace(simulator)
    assert tuple(np.flatnonzero(fired).tolist()) == OUTPUT_TIMES
    assert voltages[fired].tolist() == [0] * 4
    assert voltages[60:64].tolist() == [0, 640, 614, 589]
    as_read = np.where(fired, READ_AT_A_SPIKE, voltages).astype("<i4")
    assert hashlib.sha256(as_read.tobytes()).hexdigest() == VOLTAGES


def test_what_the_probe_reads_at_a_spike_is_no_voltage() -> None:
    """A membrane of 128 would be 122 a step later; it is 0 in chip and simulator, so both reset to 0."""
    assert decayed(np.array([READ_AT_A_SPIKE]), VOLTAGE_DECAY).tolist() == [122]
    _, voltages = trace(Interpreter(published_neuron()))
    assert [int(voltages[step + 1]) for step in OUTPUT_TIMES] == [0] * 4
