"""A lean program does what the one before it did, on every simulator; a pass that is wrong is caught."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from dsf_common.errors import UserError
from dsf_export.optimise import constants, equal, gates, period, unread, zero_synapses
from dsf_export.optimise.gates import MergedGates
from dsf_export.optimise.passes import SAFE, SAFE_WITH_RESETS, lean, optimise
from dsf_export.optimise.program_pass import Subject
from dsf_export.optimise.silent import SilentNeurons
from neuro_runtime.program import reachable
from neuro_runtime.program.nodes import Accumulator, BiasLine, CurrentInput, Dense, Injection, Lif, Node, Sparse
from neuro_runtime.program.portable import departures
from neuro_runtime.program.program import Program
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.nengo_loihi.session import NengoLoihiSession
from neuro_runtime.simulators.simulator import Simulator
from support.small_programs import BETA, CLEARED, block_program, currents, make_program, random_program
from tests.dsf_export.optimise.layered_programs import Layered, layered_programs, portable_layered_programs

DECISIONS = 6
PROGRAMS = 500  # of a quick run


def answers(simulator: Simulator, case: Layered) -> list[list[int]]:
    """The accumulator after each decision."""
    found = []
    for current, forget in zip(case.currents, case.reset, strict=True):
        if forget:
            simulator.reset()
        found.append(simulator.decide(current).accumulator.tolist())
    return found


def many(programs: int) -> settings:
    """Settings for that many random programs."""
    return settings(
        max_examples=programs,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def differs(kinds: Sequence[str]) -> bool:
    """Whether one of some random programs with such layers answers otherwise after all passes."""

    @many(200)
    @given(case=layered_programs(DECISIONS, kinds))
    def compare(case: Layered) -> None:
        leaner = lean(case.program, SAFE_WITH_RESETS)
        assert answers(LoihiFast(leaner), case) == answers(LoihiFast(case.program), case)

    try:
        compare()
    except (AssertionError, UserError):
        return True
    return False


@pytest.mark.timeout(0)
@pytest.mark.parametrize("programs", [PROGRAMS, pytest.param(4 * PROGRAMS, marks=pytest.mark.long)])
def test_every_safe_pass_keeps_every_answer(programs: int) -> None:
    found: Counter[str] = Counter()
    ran = lively = 0

    @many(programs)
    @given(case=layered_programs(DECISIONS))
    def compare(case: Layered) -> None:
        nonlocal ran, lively
        simulator = Interpreter if ran % 20 == 0 else LoihiFast
        wanted = answers(simulator(case.program), case)
        applied = optimise(case.program, SAFE_WITH_RESETS if ran % 2 else SAFE)
        found.update(item.name for item in applied)
        for item in applied if ran % 5 == 0 else applied[-1:]:
            assert answers(simulator(item.program), case) == wanted, f"{item.name} of {[each.name for each in applied]}"
        ran += 1
        lively += len({tuple(answer) for answer in wanted}) > 2

    compare()
    assert ran >= programs
    assert lively > 0.4 * programs, "most programs answer the same whatever comes"
    assert found.keys() == {each.name for each in SAFE_WITH_RESETS}


def forgetful(state: Any, loss: int) -> Any:
    return np.zeros_like(state)


def this_decision_only(self: Any, connection: Any, step: int) -> Any:
    possible, certain = CARRIED(self, connection, step)
    return possible & (step - 1 - np.asarray(connection.delay) >= 0), certain


def undelayed(connection: Any, bias: str, first: Any) -> Any:
    return FROM_BIAS(connection, bias, np.where(first >= 0, 0, first))


def of_the_first_alone(connection: Any, first: Any) -> Any:
    if isinstance(connection, Dense):
        return connection
    return FROM_FIRST(connection, first)


def of_another_input(first: Sparse, second: Sparse, size: int) -> Sparse:
    way = THROUGH(first, second, size)
    return replace(way, source_index=np.roll(way.source_index, 1))


def of_this_decision(connection: Any, schedule: Any, ago: Any, later: Any, is_summed: bool) -> Any:
    return DELAYED(connection, schedule, np.minimum(ago, 1), later, is_summed)


def reset_late(program: Program, schedule: Any) -> Program:
    changed = SCHEDULED(program, schedule)
    late = {name: schedule.start[name] + 1 for name in schedule.resets}
    nodes = (replace(node, reset_step=late[node.name]) if node.name in late else node for node in changed.nodes)
    return replace(changed, nodes=tuple(nodes))


def never_reset(program: Program, schedule: Any) -> Program:
    return SCHEDULED(program, replace(schedule, resets=frozenset()))


def no_synapses(connection: Any) -> Sparse:
    none = np.zeros(0, dtype=np.int32)
    return Sparse(connection.source, connection.target, none, none, none, none)


CARRIED, FROM_BIAS, FROM_FIRST = reachable._Intervals._carried, constants._from_bias, equal._from_first
FIRST_STEPS = constants._first_steps
THROUGH, DELAYED, SCHEDULED = gates._through, period._delayed, period.scheduled

MUTANTS: dict[str, tuple[tuple[str, ...], object, str, Callable[..., Any]]] = {
    "a bound without earlier decisions": ((), reachable._Intervals, "_carried", this_decision_only),
    "a bound of what is certain": (
        *((), reachable.Reachable, "is_silent"),
        lambda self, node: ~self.certain[node].any(axis=0),
    ),
    "a constant that is lost": ((), constants, "_from_bias", lambda connection, bias, first: []),
    "a constant that is early": (("constant",), constants, "_from_bias", undelayed),
    "a constant that need not spike": (
        *((), constants, "_first_steps"),
        lambda certain, possible, active: FIRST_STEPS(possible, possible, active),
    ),
    "equal neurons read once": (("equal",), equal, "_from_first", of_the_first_alone),
    "neurons equal by their number of inputs": ((), equal, "_rows", lambda connection, size: [b""] * size),
    "weights taken for none": (
        (),
        zero_synapses,
        "_without_zeros",
        no_synapses,
    ),
    "listed synapses not read": ((), unread, "_is_read", lambda program, node, gone: np.zeros(node.size, dtype=bool)),
    "no idle steps": ((), period, "_idle", lambda subject, node: 0),
    "a past of one decision": ((), period, "_delayed", of_this_decision),
    "a late reset": ((), period, "scheduled", reset_late),
    "no reset": ((), period, "scheduled", never_reset),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_pass_is_caught(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds, owner, name, wrong = MUTANTS[mutant]
    monkeypatch.setattr(owner, name, wrong)
    assert differs(kinds)


def test_a_bound_that_forgets_what_v_keeps_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neurons that a time step's input does not bring to their threshold, and two of them do."""
    slow = Lif("slow", 1, CLEARED, BETA, threshold=100)
    nodes: list[Node] = [CurrentInput("token", 1), BiasLine("bias"), slow, Accumulator("action", 1)]
    synapses = [Dense("bias", "slow", np.array([[90]])), Dense("slow", "action", np.array([[2]]))]
    program = make_program(nodes, [Injection("token", "slow", exponent=-8), *synapses], active_steps=4, period=20)
    assert SilentNeurons().match(Subject(program, token=0)) is None
    monkeypatch.setattr(reachable, "decayed", forgetful)
    assert SilentNeurons().match(Subject(program, token=0)) is not None


def test_gates_of_two_stages_are_gates_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    program = block_program()
    case = Layered(program, np.array(list(currents(program, DECISIONS, seed=0))), np.zeros(DECISIONS, dtype=bool))
    wanted = answers(LoihiFast(program), case)
    merged = MergedGates().transform(program, ("past",))
    assert "past" not in {node.name for node in merged.nodes}
    assert answers(LoihiFast(merged), case) == wanted
    monkeypatch.setattr(gates, "_through", of_another_input)
    assert answers(LoihiFast(MergedGates().transform(program, ("past",))), case) != wanted


@pytest.mark.parametrize("seed", range(12))
def test_nothing_happens_that_is_not_reachable(seed: int) -> None:
    """Graphs without design: loops, sums that overflow, currents that are kept."""
    program = random_program(seed)
    known = reachable.reachable(program, token=3000)
    interpreter = Interpreter(program)
    for n, current in enumerate(currents(program, 5, seed, largest=3000)):
        if n == 3:
            interpreter.reset()
        recording = interpreter.decide(current, record=True).recording
        assert recording is not None
        for name, spikes in recording.spikes.items():
            assert (spikes <= known.possible[name]).all()
            assert (known.certain[name] <= spikes).all()
        for name, voltages in recording.voltages.items():
            assert (known.lowest[name] <= voltages).all()
            assert (voltages <= known.highest[name]).all()


@pytest.fixture(scope="module")
def nengo_loihi() -> Iterator[NengoLoihiSession]:
    """A worker that runs one program after the other."""
    with NengoLoihiSession(block_program(), record_states=True) as session:
        yield session


@pytest.mark.lava
@pytest.mark.timeout(0)
@pytest.mark.parametrize("programs", [8, pytest.param(50, marks=pytest.mark.long)])
def test_lean_programs_on_nengo_loihi(nengo_loihi: NengoLoihiSession, programs: int) -> None:
    @many(programs)
    @given(case=portable_layered_programs(DECISIONS))
    def compare(case: Layered) -> None:
        program = lean(case.program)
        assert not departures(program), "a lean program leaves the portable subset"
        nengo_loihi.load(program)
        assert answers(nengo_loihi, case) == answers(Interpreter(case.program), case)

    compare()


@pytest.mark.lava
@pytest.mark.timeout(0)
@pytest.mark.parametrize("programs", [2, pytest.param(10, marks=pytest.mark.long)])
def test_lean_programs_on_lava(programs: int) -> None:
    @many(programs)
    @given(case=portable_layered_programs(DECISIONS))
    def compare(case: Layered) -> None:
        program = lean(case.program, SAFE_WITH_RESETS)
        with LavaSession(program) as lava:
            assert answers(lava, case) == answers(Interpreter(case.program), case)

    compare()
