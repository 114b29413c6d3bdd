"""Lava's run of a program, kept in a file, so that others can be compared with it where there is no Lava.

One compressed NumPy archive: the program as ``header`` and ``program/<array>``; ``currents`` (decisions, D); ``reset``
(decisions,), whether all was forgotten before a decision; and what Lava did, ``spikes/<node>``, ``currents/<node>``,
``voltages/<node>`` (decisions, period, size) and ``accumulators`` (decisions, actions).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.files import atomic_write
from neuro_runtime.program.program import Program
from neuro_runtime.program.wire import program_from_wire, program_to_wire
from neuro_runtime.simulators.simulator import NeuronRecording, SimulatedDecision, Simulator

FOLDER = Path(__file__).parent / "traces"
QUANTITIES = ("spikes", "currents", "voltages")


@dataclass(frozen=True, eq=False)
class GoldenTrace:
    """A program, what it was given, and what Lava did.

    Attributes
    ----------
    currents, reset
        The token's current of each decision (decisions, D), and whether all was forgotten before it (decisions,).
    decisions
        Lava's, recorded.
    """

    program: Program
    currents: NDArray[np.int64]
    reset: NDArray[np.bool_]
    decisions: tuple[SimulatedDecision, ...]


def run(simulator: Simulator, currents: NDArray[Any], reset: NDArray[np.bool_]) -> tuple[SimulatedDecision, ...]:
    """The decisions of ``simulator``, every spike and state recorded."""
    decisions = []
    for current, forget in zip(currents, reset, strict=True):
        if forget:
            simulator.reset()
        decisions.append(simulator.decide(current, record=True))
    return tuple(decisions)


def save_golden(trace: GoldenTrace, path: Path) -> None:
    """Write a trace."""
    header, program = program_to_wire(trace.program)
    recordings = [decision.recording for decision in trace.decisions if decision.recording]
    arrays = {"header": np.array(header), "currents": trace.currents, "reset": trace.reset}
    arrays["accumulators"] = np.array([decision.accumulator for decision in trace.decisions])
    arrays |= {f"program/{name}": array for name, array in program.items()}
    for quantity in QUANTITIES:
        for node in getattr(recordings[0], quantity):
            arrays[f"{quantity}/{node}"] = np.array([getattr(each, quantity)[node] for each in recordings])
    with atomic_write(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def load_golden(path: Path) -> GoldenTrace:
    """Read a trace back."""
    with np.load(path, allow_pickle=False) as file:
        arrays: dict[str, NDArray[Any]] = dict(file)
    states = {quantity: _under(arrays, quantity) for quantity in QUANTITIES}
    return GoldenTrace(
        program_from_wire(str(arrays["header"]), _under(arrays, "program")),
        arrays["currents"],
        arrays["reset"],
        tuple(_decision(accumulator, states, n) for n, accumulator in enumerate(arrays["accumulators"])),
    )


def _under(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(f"{prefix}/"): array for name, array in arrays.items() if name.startswith(f"{prefix}/")}


def _decision(accumulator: NDArray[Any], states: dict[str, dict[str, NDArray[Any]]], n: int) -> SimulatedDecision:
    of_decision = {quantity: {node: values[n] for node, values in nodes.items()} for quantity, nodes in states.items()}
    counts = {node: int(raster.sum()) for node, raster in of_decision["spikes"].items()}
    return SimulatedDecision(accumulator, counts, NeuronRecording(**of_decision))
