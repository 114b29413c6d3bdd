"""Neurons that are reset at a token's begin: alike on every simulator, kept in files, refused where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_export.targets import nir
from dsf_export.targets.onnx.simulator import OnnxSimulator
from hw_profiles.timing import shortest_interval
from neuro_runtime.chip_network import chip_network
from neuro_runtime.program import program_hash
from neuro_runtime.program.nodes import Lif
from neuro_runtime.program.portable import departures
from neuro_runtime.program.program import Program
from neuro_runtime.program.storage import load_program, save_program
from neuro_runtime.program.wire import program_from_wire, program_to_wire
from neuro_runtime.simulators.co_simulation import CoSimulation
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.nengo_loihi.session import NengoLoihiSession
from neuro_runtime.simulators.simulator import Simulator
from support.small_programs import currents, program_with_resets


def answers(simulator: Simulator) -> list[list[int]]:
    """Of tokens in one episode."""
    return [
        simulator.decide(current).accumulator.tolist()
        for current in currents(program_with_resets(), 12, seed=3, largest=3000)
    ]


def slow_voltages(simulator: Simulator, token: NDArray[np.int64]) -> list[list[int]]:
    """Those of the slow layer from its reset on."""
    recording = simulator.decide(token, record=True).recording
    assert recording is not None
    voltages: list[list[int]] = recording.voltages["slow"][1:].tolist()
    return voltages


def without_resets(program: Program) -> Program:
    """Not valid, since states are left when the next token comes."""
    nodes = (replace(node, reset_step=None) if isinstance(node, Lif) else node for node in program.nodes)
    return replace(program, nodes=tuple(nodes))


def test_a_token_finds_nothing_of_the_one_before() -> None:
    program = program_with_resets()
    simulator = Interpreter(program)
    token, *others = currents(program, 5, seed=3, largest=3000)
    first = slow_voltages(simulator, token)
    for other in others:
        simulator.decide(other)
        assert slow_voltages(simulator, token) == first
    assert answers(Interpreter(without_resets(program))) != answers(Interpreter(program))


@pytest.mark.parametrize("simulator", [LoihiFast, OnnxSimulator])
def test_compiled_programs_reset(simulator: type) -> None:
    program = program_with_resets()
    assert answers(simulator(program)) == answers(Interpreter(program))


@pytest.mark.lava
def test_lava_resets() -> None:
    program = program_with_resets()
    with LavaSession(program, record_states=True) as lava:
        co_simulation = CoSimulation(program, LoihiFast(program), lava, ("loihi-fast", "Lava"))
        for n, current in enumerate(currents(program, 8, seed=1, largest=3000)):
            if n == 5:
                co_simulation.reset()
            co_simulation.decide(current)
        assert co_simulation.result.first_difference is None
        assert co_simulation.result.states_compared > 0


def test_nengo_loihi_refuses_by_name() -> None:
    with pytest.raises(UserError, match="slow is reset at a token's begin, which nengo-loihi's Loihi 1 has no means"):
        NengoLoihiSession(program_with_resets())


def test_files_keep_resets(tmp_path: Path) -> None:
    program = program_with_resets()
    save_program(program, tmp_path / "a.dsf.h5")
    assert program_hash(load_program(tmp_path / "a.dsf.h5")) == program_hash(program)
    nir.write(program, tmp_path / "a.nir")
    assert program_hash(nir.read(tmp_path / "a.nir")) == program_hash(program)


def test_a_program_without_resets_is_the_file_that_it_was() -> None:
    header, arrays = program_to_wire(without_resets(program_with_resets()))
    assert "reset_step" not in header
    assert '"version": 1' in header
    assert all(node.reset_step is None for node in program_from_wire(header, arrays).nodes if isinstance(node, Lif))


def test_resets_leave_the_portable_subset() -> None:
    told = [str(departure) for departure in departures(program_with_resets(), token=1000)]
    assert "slow: is reset at every decision's time step 1 (set)" in told


def test_the_next_token_need_not_wait_for_a_decay() -> None:
    with_resets = chip_network(program_with_resets())
    slow = with_resets.population("slow")
    assert slow.parameters.reset_step == 1
    assert shortest_interval(with_resets) <= shortest_interval(chip_network(without_resets(program_with_resets())))
