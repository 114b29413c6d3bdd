"""Neurons that send numbers as spikes: their equation, who runs them alike, and who refuses them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsf_common.errors import GateFailed, UserError
from dsf_export.targets.nir import to_graph
from dsf_export.targets.nir_readers import find_reader, to_reader
from dsf_export.targets.onnx.program_model import neurons_model
from hw_profiles.loader import load_profile
from hw_profiles.mapping import map_network
from hw_profiles.network_file import load_network, save_network
from neuro_runtime.chip_network import chip_network
from neuro_runtime.program import Program
from neuro_runtime.program.headroom import largest_spike
from neuro_runtime.program.nodes import (
    Accumulator,
    Connection,
    CurrentInput,
    Dense,
    GradedRelu,
    Injection,
    Lif,
    Node,
    Sparse,
)
from neuro_runtime.program.portable import departures
from neuro_runtime.program.reachable import reachable
from neuro_runtime.program.storage import load_program, save_program
from neuro_runtime.program.validate import validate
from neuro_runtime.program.wire import program_to_wire
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.nengo_loihi.session import NengoLoihiSession
from support.small_programs import CLEARED, block_program, currents, graded_program, make_program
from tests.neuro_runtime.simulators.loihi_fast.test_simulator import same
from tests.neuro_runtime.simulators.test_interpreter import assert_same


def listed(source: str, target: str, *weights: int, exponent: int = 0) -> Sparse:
    """Synapses between the neurons of the same number."""
    neurons = np.arange(len(weights), dtype=np.int32)
    return Sparse(source, target, neurons, neurons, np.array(weights), np.zeros_like(neurons), exponent)


def chain(threshold: int, *weights: int) -> Program:
    """token -> input -> graded -> action, one neuron to one."""
    size = len(weights)
    nodes: list[Node] = [CurrentInput("token", size), Lif("input", size, CLEARED, CLEARED, 10)]
    nodes += [GradedRelu("graded", size, threshold), Accumulator("action", size)]
    connections: list[Connection] = [
        Injection("token", "input"),
        listed("input", "graded", *weights),
        listed("graded", "action", *[6] * size),
    ]
    return make_program(nodes, connections, active_steps=1, period=8)


def rectified(threshold: int, *weights: int) -> list[int]:
    """The sum that an accumulator is brought by graded neurons that one spike each reaches through ``weights``."""
    decision = Interpreter(chain(threshold, *weights)).decide(np.full(len(weights), 100))
    sums: list[int] = (decision.accumulator >> 6).tolist()
    return sums


def test_a_spike_is_by_how_much_the_threshold_is_exceeded() -> None:
    assert rectified(40, 38, 40, 42, 100, -100) == [0, 0, 12, 360, 0]
    assert rectified(0, 0, 2, -2) == [0, 12, 0]


def test_in_real_numbers_likewise() -> None:
    program = graded_program()
    real = replace(
        program,
        arithmetic="float",
        nodes=(CurrentInput("token", 1), GradedRelu("graded", 1, 0.25), Accumulator("action", 1)),
        connections=(Injection("token", "graded"), listed("graded", "action", 3)),
    )
    for current, wanted in ((0.25, 0.0), (0.75, 1.5), (-1.0, 0.0)):
        assert Interpreter(real).decide(np.array([current])).accumulator == real.active_steps * wanted


def test_the_interpreter_does_what_plain_integers_do() -> None:
    program = graded_program()
    assert assert_same(program, decisions=8, seed=0)["spikes"] > 500
    decision = Interpreter(program).decide(next(currents(program, 1, seed=0)))
    assert min(decision.spikes[name] for name in ("sum", "product", "output")) > 0


def test_loihi_fast_does_what_the_interpreter_does() -> None:
    program = graded_program()
    fast, interpreter = LoihiFast(program), Interpreter(program)
    for n, current in enumerate(currents(program, 8, seed=1)):
        if n == 5:
            fast.reset()
            interpreter.reset()
        assert same(fast.decide(current, record=True), interpreter.decide(current, record=True))


def test_no_spike_is_larger_than_its_bound() -> None:
    program = graded_program()
    known, interpreter = reachable(program, token=2000), Interpreter(program)
    bounds = {name: largest_spike(program, name) for name in ("sum", "product")}
    seen = dict.fromkeys(bounds, 0)
    for current in currents(program, 20, seed=2):
        recording = interpreter.decide(current, record=True).recording
        assert recording is not None
        for name in bounds:
            node = program.node(name)
            assert isinstance(node, GradedRelu)
            seen[name] = max(seen[name], int(recording.currents[name].max() >> 6) - int(node.threshold))
        for name, voltages in recording.voltages.items():
            assert (known.lowest[name] <= voltages).all()
            assert (voltages <= known.highest[name]).all()
            if name in recording.spikes:
                assert (recording.spikes[name] <= known.possible[name]).all()
    assert all(0 < seen[name] <= bounds[name] for name in bounds)


def test_a_file_keeps_them_and_names_the_release_that_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "program.dsf.h5"
    save_program(graded_program(), path)
    again = load_program(path)
    assert again.nodes == graded_program().nodes
    assert '"version": 5' in program_to_wire(again)[0]
    assert '"version": 5' not in program_to_wire(block_program())[0]


def dense(program: Program) -> Program:
    return replace(program, connections=(*program.connections, Dense("sum", "output", np.full((6, 4), 2))))


def looped(program: Program) -> Program:
    return replace(program, connections=(*program.connections, listed("product", "sum", 2)))


def huge(program: Program) -> Program:
    connections = (replace(item, exponent=7) if item.source == "sum" else item for item in program.connections)
    return replace(program, connections=tuple(connections))


def many(program: Program) -> Program:
    """Synapses that bring 2^31 weight units together, of which an exponent leaves 2^23."""
    count = int(2**31 // (254 * largest_spike(program, "sum"))) + 1
    zeros = np.zeros(count, dtype=np.int32)
    synapses = Sparse("sum", "output", zeros, zeros, np.full(count, 254), zeros, exponent=-8)
    return replace(program, connections=(*program.connections, synapses))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (many, "Sparse sum -> output can add up .* before its exponent of -8 shifts it, beyond 32 bits"),
        (dense, "Dense sum -> output cannot start at a GradedRelu"),
        (looped, "the graded spikes of product, sum come back to them"),
        (huge, "product can be given .* weight units in a time step, more than 24 bits hold"),
    ],
)
def test_a_broken_rule_is_named(change: Callable[[Program], Program], message: str) -> None:
    with pytest.raises(UserError, match=message):
        validate(change(graded_program()))


def test_they_are_outside_the_portable_subset() -> None:
    outside = {departure.node for departure in departures(graded_program()) if departure.quantity == "graded spike"}
    assert outside == {"sum", "product"}


def test_a_chip_whose_spikes_carry_nothing_does_not_hold_them(tmp_path: Path) -> None:
    network = chip_network(graded_program())
    assert map_network(network, load_profile("loihi2")).cores
    with pytest.raises(GateFailed, match=r"sum has graded spike bits .* allows 0; export with --chip portable"):
        map_network(network, load_profile("loihi1-davies2018"))
    save_network(network, tmp_path / "network.h5")
    assert load_network(tmp_path / "network.h5").populations == network.populations


def on_nengo_loihi(program: Program) -> object:
    return NengoLoihiSession(program)


def as_nir(program: Program) -> object:
    return to_graph(program)


def for_snntorch(program: Program) -> object:
    return to_reader(program, find_reader("snntorch"))


@pytest.mark.parametrize("use", [on_nengo_loihi, as_nir, for_snntorch, neurons_model])
def test_who_has_no_graded_spikes_says_so(use: Callable[[Program], object]) -> None:
    with pytest.raises(UserError, match=r"^\w+ sends graded spikes, .* export with --chip portable"):
        use(chain(40, 100))
