"""nengo-loihi's emulator on random programs: inside the portable subset it does what the interpreter does.

Outside, the check has named every node at which it parts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from neuro_runtime.program.portable import departures
from neuro_runtime.simulators.co_simulation import CoSimulation
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.nengo_loihi.session import NengoLoihiSession
from neuro_runtime.simulators.simulator import NeuronRecording, Simulator
from support.small_programs import block_program
from tests.neuro_runtime.simulators.random_cases import ANY, Case, cases, portable_cases

NIGHTLY = "DSF_NIGHTLY_PROGRAMS"
EACH_NIGHT = 20 * int(os.environ.get(NIGHTLY, "0"))
DECISIONS = 8

pytestmark = [pytest.mark.lava, pytest.mark.timeout(0)]


def each_number(few: int, many: int) -> pytest.MarkDecorator:
    """Random programs in a quick run and, a test of its own, in a long one."""
    return pytest.mark.parametrize("programs", [few, pytest.param(max(many, EACH_NIGHT), marks=pytest.mark.long)])


def many(programs: int) -> settings:
    """Settings for that many random programs."""
    return settings(
        max_examples=programs,
        derandomize=NIGHTLY not in os.environ,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def session() -> Iterator[NengoLoihiSession]:
    """A worker that runs one program after the other."""
    with NengoLoihiSession(block_program(), record_states=True) as session:
        yield session


def agree(case: Case, first: Simulator, second: Simulator, names: tuple[str, str]) -> int:
    """Run a case on both; how many spikes fired."""
    co_simulation = CoSimulation(case.program, first, second, names)
    for current, forget in zip(case.currents, case.reset, strict=True):
        if forget:
            co_simulation.reset()
        co_simulation.decide(current)
    result = co_simulation.result
    assert result.first_difference is None, str(result.first_difference)
    assert result.different == result.states_different == 0
    return result.fired


@each_number(30, 300)
def test_inside_the_portable_subset_no_state_differs(session: NengoLoihiSession, programs: int) -> None:
    ran = fired = 0

    @many(programs)
    @given(case=portable_cases(decisions=DECISIONS))
    def compare(case: Case) -> None:
        nonlocal ran, fired
        session.load(case.program)
        fired += agree(case, Interpreter(case.program), session, ("the interpreter", "nengo-loihi"))
        agree(case, Interpreter(case.program), LoihiFast(case.program), ("the interpreter", "loihi-fast"))
        ran += 1

    compare()
    print(f"compared with nengo-loihi and loihi-fast: {ran:,} programs, in which {fired:,} spikes fired")
    assert ran >= programs
    assert fired >= 10 * programs


def test_inside_the_portable_subset_lava_and_nengo_loihi_agree(session: NengoLoihiSession) -> None:
    @many(3)
    @given(case=portable_cases(decisions=DECISIONS))
    def compare(case: Case) -> None:
        session.load(case.program)
        with LavaSession(case.program, record_states=True) as lava:
            agree(case, lava, session, ("Lava", "nengo-loihi"))
        session.reset()
        agree(case, LoihiFast(case.program), session, ("loihi-fast", "nengo-loihi"))

    compare()


@each_number(20, 100)
def test_outside_the_check_has_named_where_they_part(session: NengoLoihiSession, programs: int) -> None:
    parted = 0

    @many(programs)
    @given(case=cases(DECISIONS, replace(ANY, graded=False)))
    def compare(case: Case) -> None:
        nonlocal parted
        session.load(case.program)
        apart = first_nodes_apart(case, Interpreter(case.program), session)
        named = {departure.node for departure in departures(case.program, token=case.largest)}
        assert apart <= named, f"{apart - named} part unnamed"
        parted += bool(apart)

    compare()
    print(f"nengo-loihi parts in {parted:,} of {programs:,} programs")
    assert parted >= programs // 3


def first_nodes_apart(case: Case, first: Simulator, second: Simulator) -> set[str]:
    """The nodes of which anything differs in the first time step in which two simulators do."""
    for current, forget in zip(case.currents, case.reset, strict=True):
        if forget:
            first.reset()
            second.reset()
        ours, theirs = (simulator.decide(current, record=True).recording for simulator in (first, second))
        assert ours is not None
        assert theirs is not None
        steps = {name: step for name in ours.voltages if (step := _first_difference(ours, theirs, name)) is not None}
        if steps:
            return {name for name, step in steps.items() if step == min(steps.values())}
    return set()


def _first_difference(ours: NeuronRecording, theirs: NeuronRecording, node: str) -> int | None:
    kinds = [(each.spikes, each.currents, each.voltages) for each in (ours, theirs)]
    apart = [(one[node] != other[node]).any(axis=1) for one, other in zip(*kinds, strict=True) if node in one]
    steps = np.flatnonzero(np.any(apart, axis=0))
    return int(steps[0]) if len(steps) else None
