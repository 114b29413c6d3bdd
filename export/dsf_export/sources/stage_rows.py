"""How a stage of an import compares with the one before: spikes, places that differ, and the most active output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_export.parity import ROUNDING
from dsf_export.sources.float_network import FloatRecording
from neuro_runtime.program.nodes import Lif
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.sample_run import SampleRun


@dataclass(frozen=True)
class StageRow:
    """How a stage's spikes compare with those of the stage before.

    Attributes
    ----------
    spikes
        That this stage's neurons fire.
    compared, different
        Places: neurons times time steps.
    same_class
        Samples whose most active output is the same; of ``samples``.
    """

    stage: str
    spikes: int
    compared: int
    different: int
    same_class: int
    samples: int


def row_of_networks(stage: str, first: Sequence[FloatRecording], second: Sequence[FloatRecording]) -> StageRow:
    """The second recordings of a network beside the first: spikes of all its layers."""
    fired = [
        (one.spikes[name], other.spikes[name]) for one, other in zip(first, second, strict=True) for name in one.spikes
    ]
    return StageRow(
        stage,
        sum(int(other.sum()) for _, other in fired),
        sum(one.size for one, _ in fired),
        sum(int(np.count_nonzero(one != other)) for one, other in fired),
        *_same_class([each.output for each in first], [each.output for each in second]),
    )


def row_of_lowered(
    stage: str,
    program: SampleProgram,
    recordings: Sequence[FloatRecording],
    runs: Sequence[SampleRun],
) -> StageRow:
    """The output's spikes, and where it is membranes, those that are off by more than rounding."""
    pairs = [(one.output, other.output) for one, other in zip(recordings, runs, strict=True)]
    different = sum(int(np.count_nonzero(differing(one, other))) for one, other in pairs)
    return StageRow(
        stage,
        sum(count for run in runs for name, count in run.spikes.items() if isinstance(program.node(name), Lif)),
        sum(one.size for one, _ in pairs),
        different,
        *_same_class([one for one, _ in pairs], [other for _, other in pairs]),
    )


def differing(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    """Places of a sample's outputs that are off by more than float64's rounding of what was added up."""
    same: NDArray[np.bool_] = np.isclose(other, one, rtol=1e-6, atol=ROUNDING * float(np.abs(one).max(initial=1)))
    return ~same


def row_of_programs(
    stage: str, program: SampleProgram, first: Sequence[SampleRun], second: Sequence[SampleRun]
) -> StageRow:
    read = {output.node for output in program.outputs if output.quantity == "membrane"}  # which never fire
    names = [node.name for node in program.nodes if isinstance(node, Lif) and node.name not in read]
    fired = [
        (one.recording.spikes[name], other.recording.spikes[name])
        for one, other in zip(first, second, strict=True)
        for name in names
    ]
    return StageRow(
        stage,
        sum(int(np.count_nonzero(other)) for _, other in fired),
        sum(one.size for one, _ in fired),
        sum(int(np.count_nonzero(one != other)) for one, other in fired),
        *_same_class([run.output for run in first], [run.output for run in second]),
    )


def _same_class(first: Sequence[NDArray[Any]], second: Sequence[NDArray[Any]]) -> tuple[int, int]:
    same = sum(class_of(one) == class_of(other) for one, other in zip(first, second, strict=True))
    return same, len(first)


def class_of(output: NDArray[Any]) -> int:
    """The output that sums up to most over time, the first of several."""
    return int(output.reshape(len(output), -1).sum(axis=0).argmax())
