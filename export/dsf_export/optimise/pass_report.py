"""A row a pass: its changes, on the recorded decisions of an export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsf_common.text_table import text_table
from dsf_export.optimise.passes import Applied
from dsf_export.stages import ProgramRun
from neuro_runtime.backends.program_backend import ProgramMeter
from neuro_runtime.program.program import Program
from neuro_runtime.program.summary import synapse_count

BEFORE = "before"


@dataclass(frozen=True)
class PassRow:
    """A program after a pass.

    Attributes
    ----------
    neurons, synapses
        On the chip; a weight of 0 is no synapse.
    time_steps
        Of a decision.
    synops
        Of an average decision.
    different
        Decisions whose action is not that of the program before all passes, bit for bit.
    """

    name: str
    neurons: int
    synapses: int
    time_steps: int
    synops: float
    different: int


def pass_row(name: str, program: Program, run: ProgramRun, before: ProgramRun) -> PassRow:
    """The row of a program and its run, beside the run of the program before all passes."""
    return PassRow(
        name,
        sum(node.size for node in program.nodes if node.on_chip),
        sum(map(synapse_count, program.connections)),
        program.period,
        _synops(program, run),
        int((run.actions != before.actions).any(axis=1).sum()),
    )


def pass_table(rows: Sequence[PassRow]) -> str:
    """The rows as text."""
    header = ("pass", "neurons", "synapses", "time steps", "synops a decision", "actions different")
    cells = [
        (row.name, *map(str, (row.neurons, row.synapses, row.time_steps, round(row.synops), row.different)))
        for row in rows
    ]
    return text_table([header, *cells])


def names(applied: Sequence[Applied]) -> list[str]:
    """The passes' names, numbered where one found something again."""
    seen: dict[str, int] = {}
    titles = []
    for item in applied:
        seen[item.name] = seen.get(item.name, 0) + 1
        titles.append(item.name if seen[item.name] == 1 else f"{item.name}, again")
    return titles


def _synops(program: Program, run: ProgramRun) -> float:
    """Synaptic operations of an average decision."""
    spiking = [node.name for node in program.nodes if node.spikes]
    spikes = np.array([[int(rasters[name].sum()) for name in spiking] for rasters in run.rasters])
    return float(np.mean([sum(activity.synops.values()) for activity in ProgramMeter(program).activities(spikes)]))
