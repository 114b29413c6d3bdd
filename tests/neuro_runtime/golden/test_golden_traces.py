"""The interpreter and loihi-fast do what Lava did, also where there is no Lava."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neuro_runtime.program.limits import STATE_LIMIT
from neuro_runtime.program.program import Program
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.simulator import SimulatedDecision, Simulator
from tests.neuro_runtime.golden.golden_trace import FOLDER, load_golden, run

TRACES = sorted(FOLDER.glob("*.npz"))


def assert_same(ours: SimulatedDecision, lavas: SimulatedDecision) -> None:
    """Every spike, current and voltage, and the accumulator."""
    assert ours.recording is not None
    assert lavas.recording is not None
    assert np.array_equal(ours.accumulator, lavas.accumulator)
    for quantity in ("spikes", "currents", "voltages"):
        mine, theirs = getattr(ours.recording, quantity), getattr(lavas.recording, quantity)
        assert mine.keys() == theirs.keys()
        for node, values in theirs.items():
            assert np.array_equal(mine[node], values), f"{quantity} of {node}"


@pytest.mark.parametrize("simulator", [Interpreter, LoihiFast])
@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_what_lava_did(path: Path, simulator: Callable[[Program], Simulator]) -> None:
    trace = load_golden(path)
    for ours, lavas in zip(run(simulator(trace.program), trace.currents, trace.reset), trace.decisions, strict=True):
        assert_same(ours, lavas)


def test_the_traces_hold_what_is_hard() -> None:
    """Spikes everywhere, resets, currents that wrapped and voltages that saturated."""
    traces = [load_golden(path) for path in TRACES]
    recordings = [decision.recording for trace in traces for decision in trace.decisions if decision.recording]
    voltages = np.concatenate([values.ravel() for each in recordings for values in each.voltages.values()])
    assert len(traces) >= 6
    assert sum(int(values.sum()) for each in recordings for values in each.spikes.values()) > 1000
    assert any(trace.reset.any() for trace in traces)
    assert (np.abs(voltages) == STATE_LIMIT - 1).any()
