"""Lava, the interpreter and loihi-fast on random programs: any two agree on every spike, current and voltage.

`make nightly` runs many more of them, and other ones each time. A program that fails shrinks and is left in a file,
whose name the failure says; once mended, `python -m tests.neuro_runtime.golden.record_golden FILE` keeps it as a golden
trace.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from neuro_runtime.program.program import Program
from neuro_runtime.simulators.co_simulation import CoSimulation
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.simulator import Simulator
from tests.neuro_runtime.golden.golden_trace import GoldenTrace, run, save_golden
from tests.neuro_runtime.simulators.random_cases import Case, cases

NIGHTLY = "DSF_NIGHTLY_PROGRAMS"
PROGRAMS = int(os.environ.get(NIGHTLY, "8"))
DECISIONS = 16
FAILED = Path(__file__).parents[4] / ".hypothesis" / "failed-program.npz"

SETTINGS = settings(
    max_examples=PROGRAMS,
    derandomize=NIGHTLY not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def agree(case: Case, first: Simulator, second: Simulator, names: tuple[str, str]) -> int:
    """Run a case on both and compare; how many spikes fired."""
    co_simulation = CoSimulation(case.program, first, second, names)
    for current, forget in zip(case.currents, case.reset, strict=True):
        if forget:
            co_simulation.reset()
        co_simulation.decide(current)
    result = co_simulation.result
    if result.first_difference:
        decisions = run(Interpreter(case.program), case.currents, case.reset)
        save_golden(GoldenTrace(case.program, case.currents, case.reset, decisions), FAILED)
        pytest.fail(f"{result.first_difference}; the program is in {FAILED}")
    assert result.different == result.states_different == 0
    assert result.compared == case.time_steps * spiking_neurons(case.program)
    return result.fired


def spiking_neurons(program: Program) -> int:
    """Neurons that a raster has a column for."""
    return sum(node.size for node in program.nodes if type(node).__name__ in ("BiasLine", "Lif", "And", "GradedRelu"))


@pytest.mark.lava
@pytest.mark.long
@pytest.mark.timeout(0)
def test_lava_does_what_loihi_fast_does() -> None:
    """At least 2,000 time steps, among them wraps of u and saturations of v."""
    time_steps = fired = overflows = 0

    @SETTINGS
    @given(case=cases(decisions=DECISIONS, may_reset=True))
    def compare(case: Case) -> None:
        nonlocal time_steps, fired, overflows
        fast = LoihiFast(case.program)
        with LavaSession(case.program, record_states=True) as session:
            fired += agree(case, fast, session, ("loihi-fast", "Lava"))
        time_steps += case.time_steps
        overflows += any(states.bits_left < 0 for states in fast.state_peaks)

    compare()
    print(f"compared with Lava: {time_steps:,} time steps, in which {fired:,} spikes fired")
    assert time_steps >= 2_000
    assert fired >= 500
    assert overflows >= 2, "programs in which a state overflows"


@settings(parent=SETTINGS, max_examples=10 * PROGRAMS)
@given(case=cases(decisions=DECISIONS, may_reset=True))
def test_the_interpreter_does_what_loihi_fast_does(case: Case) -> None:
    agree(case, Interpreter(case.program), LoihiFast(case.program), ("the interpreter", "loihi-fast"))
