"""A session with nengo-loihi's emulator: what it does beyond the portable subset, what it says when missing."""

from __future__ import annotations

import os
import signal
import sys

import numpy as np
import pytest

from dsf_common.errors import UserError
from neuro_runtime.program.nodes import Accumulator, CurrentInput, Dense, Injection, Lif
from neuro_runtime.program.program import Program
from neuro_runtime.simulators.co_simulation import CoSimulation
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.nengo_loihi.session import NengoLoihiSession
from support.small_programs import CLEARED, block_program, currents, make_program


def driven(weight: int, exponent: int, *, current_decay: int = CLEARED) -> Program:
    """Four neurons that a token makes spike, and one that each brings ``weight·2^exponent``."""
    nodes = (
        CurrentInput("token", 4),
        Lif("four", 4, CLEARED, CLEARED, 100),
        Lif("one", 1, current_decay, CLEARED, 2**17 - 1),
        Accumulator("action", 1),
    )
    connections = (Injection("token", "four"), Dense("four", "one", np.full((1, 4), weight), exponent=exponent))
    return make_program(nodes, connections, active_steps=1, period=40)


def current_of_one(program: Program, spiking: int = 4) -> int:
    """u of the one neuron when so many of the four have spiked, as weight units."""
    with NengoLoihiSession(program, record_states=True) as session:
        token = np.where(np.arange(4) < spiking, 200, 0)
        recording = session.decide(token, record=True).recording
    assert recording is not None
    return int(recording.currents["one"][1, 0]) >> 6


@pytest.mark.lava
def test_block_whose_past_spans_decisions_and_a_reset_in_between() -> None:
    program = block_program()
    with NengoLoihiSession(program, record_states=True) as session:
        co_simulation = CoSimulation(program, Interpreter(program), session, ("the interpreter", "nengo-loihi"))
        fired = [co_simulation.decide(current).spikes for current in currents(program, 5, seed=1)]
        co_simulation.reset()
        fired += [co_simulation.decide(current).spikes for current in currents(program, 3, seed=2)]
        result = co_simulation.result
    assert result.first_difference is None
    assert result.states_different == 0
    assert all(sum(spikes[name] for spikes in fired) for name in fired[0]), "a layer that never fires tests nothing"


@pytest.mark.lava
def test_what_arrives_wraps_at_21_bits() -> None:
    assert current_of_one(driven(-256, 5)) == -(2**15)
    assert current_of_one(driven(254, 6)) == 4 * 254 * 64 - 2**16
    assert current_of_one(driven(254, 5)) == 4 * 254 * 32


@pytest.mark.lava
def test_a_negative_exponent_rounds_each_weight() -> None:
    assert current_of_one(driven(2, -2)) == 0, "Lava's Dense would give 2"
    assert current_of_one(driven(6, -1)) == 12


@pytest.mark.lava
def test_a_current_that_is_kept_comes_as_spikes() -> None:
    nodes = (CurrentInput("token", 3), Lif("lif", 3, 3000, 3072, 2**17 - 1), Accumulator("action", 1))
    program = make_program(nodes, (Injection("token", "lif", exponent=1),), active_steps=3, period=60)
    with NengoLoihiSession(program, record_states=True) as session:
        co_simulation = CoSimulation(program, Interpreter(program), session, ("the interpreter", "nengo-loihi"))
        for current in ([1, -1, 0], [16_383, -16_384, 77], [0, 5461, -9000]):
            co_simulation.decide(np.array(current))
    assert co_simulation.result.first_difference is None


@pytest.mark.lava
def test_another_program_in_the_same_worker() -> None:
    program = block_program()
    with NengoLoihiSession(driven(2, 0), record_states=True) as session:
        session.decide(np.full(4, 200))
        session.load(program)
        co_simulation = CoSimulation(program, Interpreter(program), session, ("the interpreter", "nengo-loihi"))
        for current in currents(program, 3, seed=1):
            co_simulation.decide(current)
    assert co_simulation.result.first_difference is None


@pytest.mark.lava
def test_worker_killed() -> None:
    with NengoLoihiSession(block_program()) as session:
        os.kill(session.pid, signal.SIGKILL)
        with pytest.raises(UserError, match=r"^the nengo-loihi worker \(.*\) ended while deciding"):
            session.decide(np.full(8, 900))


def test_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_LAVA_PYTHON", sys.executable)
    with pytest.raises(UserError) as caught:
        NengoLoihiSession(block_program())
    assert str(caught.value) == (
        f"nengo-loihi is missing, {sys.executable} lacks it (No module named 'nengo_loihi'): run `make setup`, or set "
        "DSF_LAVA_PYTHON to the Python 3.10 of an environment with nengo-loihi 1.1.0"
    )


def test_float_program_is_refused() -> None:
    program = block_program()
    object.__setattr__(program, "arithmetic", "float")
    with pytest.raises(UserError, match="nengo-loihi runs programs in loihi arithmetic and this one is float"):
        NengoLoihiSession(program)
