"""loihi-fast does what the interpreter defines, alone or in a batch, and counts what it does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from dsf_common.errors import UserError
from neuro_runtime.policy_files import shipped_policies, shipped_policy
from neuro_runtime.program.limits import INJECTION_LIMIT
from neuro_runtime.program.nodes import Accumulator, BiasLine, CurrentInput, Dense, Injection, Lif, Node
from neuro_runtime.program.program import Program
from neuro_runtime.program.storage import load_program
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.loihi_fast.tables import tabulate
from neuro_runtime.simulators.simulator import SimulatedDecision
from support.small_programs import CLEARED, block_program, currents, make_program, random_program


def same(first: SimulatedDecision, second: SimulatedDecision) -> bool:
    """Spikes counted, accumulator, and every spike, current and voltage."""
    ours, theirs = first.recording, second.recording
    assert ours is not None
    assert theirs is not None
    recorded = ((ours.spikes, theirs.spikes), (ours.currents, theirs.currents), (ours.voltages, theirs.voltages))
    return (
        first.spikes == second.spikes
        and np.array_equal(first.accumulator, second.accumulator)
        and all(mine.keys() == yours.keys() for mine, yours in recorded)
        and all(np.array_equal(mine[name], yours[name]) for mine, yours in recorded for name in mine)
    )


@pytest.mark.parametrize("seed", range(40))
def test_graphs_without_design(seed: int) -> None:
    """Loops, negative exponents, delays over decisions, sums that overflow 24 bits."""
    program = random_program(seed)
    fast, interpreter = LoihiFast(program), Interpreter(program)
    for n, current in enumerate(currents(program, 6, seed, largest=30_000)):
        if n == 4:
            fast.reset()
            interpreter.reset()
        assert same(fast.decide(current, record=True), interpreter.decide(current, record=True))


@pytest.mark.parametrize("name", sorted(shipped_policies()))
def test_shipped_policies(name: str) -> None:
    program = load_program(shipped_policy(name).need_program())
    fast, interpreter = LoihiFast(program), Interpreter(program)
    largest = int(3 * program.encoder.input_scale)
    decisions = [
        (fast.decide(current, record=True), interpreter.decide(current, record=True))
        for current in currents(program, 12, seed=0, largest=largest)
    ]
    assert all(same(ours, theirs) for ours, theirs in decisions)
    assert sum(sum(ours.spikes.values()) for ours, _ in decisions) > 500


def test_more_rows_than_sixteen_bits_can_add() -> None:
    """Every one of 700 neurons fires into weights of one sign, far beyond what one 16-bit sum holds."""
    program = _wide_program(700)
    fast, interpreter = LoihiFast(program), Interpreter(program)
    token = np.full(700, 100)
    decision = fast.decide(token, record=True)
    assert decision.spikes["input"] == 700
    assert same(decision, interpreter.decide(token, record=True))
    assert decision.recording is not None
    assert decision.recording.currents["reader"][1].tolist() == [2**24 - 256 * 700 * 64, 254 * 700 * 64 - 2**24]


@pytest.mark.parametrize(
    "as_given",
    [
        lambda given: np.asfortranarray(given),
        lambda given: np.repeat(given, 2, axis=1)[:, ::2],
        lambda given: given[::-1][::-1],
        lambda given: given.astype(">i8"),
        lambda given: np.broadcast_to(given, given.shape),  # read-only
        lambda given: given.tolist(),
    ],
    ids=["Fortran's order", "strided", "backwards", "big-endian", "read-only", "list"],
)
def test_arrays_in_any_order_mean_the_same(as_given: Callable[[NDArray[np.int64]], ArrayLike]) -> None:
    """The compiled code takes one type of array for granted, and is given that one."""
    program = block_program()
    given = np.array(list(currents(program, 3, seed=0)))
    plain, other = LoihiFast(program, lanes=3), LoihiFast(program, lanes=3)
    expected = plain.decide_batch([0, 1, 2], given)
    decided = other.decide_batch(np.array([9, 0, 9, 1, 9, 2])[1::2], as_given(given))
    assert np.array_equal(decided.accumulators, expected.accumulators)
    assert np.array_equal(decided.spikes, expected.spikes)


def test_currents_that_a_host_made_are_decided_unchecked() -> None:
    program = block_program()
    checked, unchecked = LoihiFast(program), LoihiFast(program)
    for current in currents(program, 3, seed=0):
        expected, decided = checked.decide(current), unchecked.decide_first(np.array(current, np.int32)[None])
        assert decided.accumulators.tolist() == [expected.accumulator.tolist()]
        assert decided.spikes.tolist() == [list(expected.spikes.values())]


def test_lanes_are_independent_of_each_other_and_of_the_batch() -> None:
    program = block_program()
    fast, alone = LoihiFast(program, lanes=3), [LoihiFast(program) for _ in range(3)]
    tokens = currents(program, 6, seed=0)
    for lanes in ([0], [2, 0], [1, 0, 2]):
        given = [next(tokens) for _ in lanes]
        batch = fast.decide_batch(lanes, np.array(given))
        for lane, token, accumulator in zip(lanes, given, batch.accumulators, strict=True):
            assert accumulator.tolist() == alone[lane].decide(token).accumulator.tolist()


def test_one_lane_can_be_reset_alone() -> None:
    program = block_program()
    token, other = currents(program, 2, seed=1)
    fast, untouched = LoihiFast(program, lanes=2), LoihiFast(program)

    def both(current: NDArray[np.int64]) -> list[list[int]]:
        spikes: list[list[int]] = fast.decide_batch([0, 1], np.array([current, current])).spikes.tolist()
        assert spikes[1] == list(untouched.decide(current).spikes.values())
        return spikes

    first = both(token)[0]
    both(other)
    fast.reset(lane=0)
    again = both(token)
    assert again[0] == first
    assert again[1] != first, "nothing is remembered, so the reset tests nothing"


def test_peaks_of_states_are_seen_before_they_are_taken_back() -> None:
    """A current that wraps and so sends v the other way, and one that only decays."""
    lif = Lif("lif", 2, CLEARED, 3072, threshold=100)
    nodes = (CurrentInput("token", 2), lif, Accumulator("action", 1))
    program = make_program(nodes, (Injection("token", "lif", exponent=2),), active_steps=1, period=40)
    fast = LoihiFast(program)
    fast.decide(np.array([-40_000, 10]))
    arriving = 40_000 * 4 * 64
    seen, action = fast.state_peaks
    assert (seen.node, seen.current, seen.voltage) == ("lif", arriving, 2**24 - arriving)
    assert seen.current > seen.limit == 2**23 - 1
    assert (action.node, action.current, action.voltage) == ("action", 0, 0)


@pytest.mark.parametrize("seed", range(8))
def test_what_arrives_is_counted_as_the_interpreter_counts_it(seed: int) -> None:
    """Loops, currents that are kept, several injections; two lanes count together what one would."""
    program = random_program(seed)
    fast, interpreter = LoihiFast(program, lanes=2), Interpreter(program)
    for current in currents(program, 3, seed):
        fast.decide_batch([0, 1], np.array([np.zeros_like(current), current]))
        interpreter.decide(current)
    expected = {peak.node: peak for peak in interpreter.arrival_peaks}
    assert {peak.node: peak for peak in fast.arrival_peaks} == expected
    assert any(peak.synaptic for peak in expected.values())
    assert any(peak.injected for peak in expected.values())


@pytest.mark.parametrize(
    ("current", "sentence"),
    [
        (np.zeros(7, int), r"must be integers of shape \(8,\), got int64 \(7,\)"),
        (np.zeros(8), r"must be integers of shape \(8,\), got float64"),
        (np.full(8, INJECTION_LIMIT + 1), "exceeds 18 bits"),
        (np.full(8, -INJECTION_LIMIT - 1), "exceeds 18 bits"),
    ],
)
def test_wrong_currents_are_refused(current: NDArray[np.int64], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        LoihiFast(block_program()).decide(current)


@pytest.mark.parametrize("lanes", [[0, 0], [2], [-1], [[0]]])
def test_lanes_that_are_not_there_are_refused(lanes: list[int]) -> None:
    with pytest.raises(UserError, match="different numbers from 0 to 1"):
        LoihiFast(block_program(), lanes=2).decide_batch(lanes, np.zeros((len(lanes), 8), int))


def test_a_program_in_float_and_no_lane_are_refused() -> None:
    program = block_program()
    with pytest.raises(UserError, match="runs programs in loihi arithmetic"):
        LoihiFast(replace(program, arithmetic="float"))
    with pytest.raises(UserError, match="lanes must be at least 1, got 0"):
        LoihiFast(program, lanes=0)


def test_a_second_process_finds_the_code_compiled() -> None:
    LoihiFast(block_program()).decide(np.zeros(8, int))
    script = (
        "from neuro_runtime.simulators.loihi_fast import LoihiFast, kernel\n"
        "from support.small_programs import block_program, currents\n"
        "program = block_program()\n"
        "LoihiFast(program).decide(next(currents(program, 1, 0)))\n"
        "print(kernel.decide_lanes.stats.cache_misses.total(), kernel.decide_lanes.stats.cache_hits.total())"
    )
    repository = Path(__file__).resolve().parents[4]
    run = subprocess.run([sys.executable, "-c", script], cwd=repository, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0", "1"]


def _wide_program(size: int) -> Program:
    nodes: list[Node] = [CurrentInput("token", size), BiasLine("bias"), Lif("input", size, CLEARED, CLEARED, 50)]
    nodes += [Lif("reader", 2, CLEARED, 3072, 131_071), Accumulator("action", 1)]
    weight = np.stack([np.full(size, -256), np.full(size, 254)])
    connections = (Injection("token", "input"), Dense("input", "reader", weight))
    return make_program(nodes, connections, active_steps=1, period=20)


@pytest.mark.parametrize(("weight", "sums"), [(254, 1), (128, 1), (2, 2)])
def test_a_negative_exponent_that_leaves_weights_whole_costs_no_sum_of_its_own(weight: int, sums: int) -> None:
    nodes = (CurrentInput("token", 2), Lif("pair", 2, CLEARED, CLEARED, 100), Accumulator("action", 1))
    exponent = -1 if weight == 254 else -2
    synapses = [Dense("pair", "action", np.full((1, 2), weight), exponent=power) for power in (0, exponent)]
    program = make_program(nodes, [Injection("token", "pair"), *synapses], active_steps=4, period=40)
    assert len(tabulate(program).tables.sums) == sums
    fast, slow = (simulator(program).decide(np.array([500, 300])) for simulator in (LoihiFast, Interpreter))
    assert np.array_equal(fast.accumulator, slow.accumulator)
