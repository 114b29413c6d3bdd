"""Does every stage of an export still answer as the model does? One row a stage.

**Float stages** (folded, lowered) must be the model: actions to 1e-4, and every spike, but where a membrane is so near
to its threshold that rounding decides. Such a spike may change others after it, in its own neuron, in later layers and
in the decisions that look back on it; those are counted apart, and any other difference fails.

**The fixed-point program** is another network by intent: its row is for reading, but it must be silent between tokens.
**What the target file gives when it is read back** must be that program, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import GateFailed
from dsf_common.text_table import text_table
from dsf_export.arrays import Array
from dsf_export.recording import Recording
from dsf_export.stages import FoldedRun, ProgramRun, StageRun
from neuro_runtime.program import Program

Layers = dict[str, NDArray[np.bool_]]

LARGEST_ACTION_DIFFERENCE = 1e-4
ROUNDING = 1e-9  # thresholds; a sum of a thousand float64 terms is off by some 1e-13
SINGLE_ROUNDING = 4e-6  # of a layer's largest membrane; float32 has steps of 1.2e-7
SINGLE_DIFFERENCE = 1e-5  # of an action in float32
LAST_BITS = 1e-12  # of an action, whose tanh is another library's
FAILED = "FAILED"


@dataclass(frozen=True)
class ParityRow:
    """How a stage compares with the one it comes from.

    Attributes
    ----------
    action_difference
        Largest difference of an action from the first row's.
    compared, different
        Neurons times time steps whose spike or silence was compared, and those that differ.
    at_threshold, following
        Differing ones whose membrane was within rounding of its threshold, and those that only follow from these.
    first_layer
        The first layer, in the network's order, in which a spike differs.
    verdict
        ``reference``, ``equal`` (to rounding), ``quantised`` (no more is asked), ``identical`` or ``FAILED``.
    """

    stage: str
    action_difference: float
    compared: int
    different: int
    at_threshold: int
    following: int
    first_layer: str | None
    verdict: str


@dataclass(frozen=True, eq=False)
class Parity:
    """The table of an export and the decisions it was made on."""

    recording: Recording
    rows: tuple[ParityRow, ...]

    def require(self) -> None:
        """Do nothing if every gate held.

        Raises
        ------
        GateFailed
            Naming the first stage that failed and where it differs.
        """
        for row in self.rows:
            if row.verdict == FAILED:
                where = f", first in {row.first_layer}" if row.first_layer else ""
                raise GateFailed(
                    f"the stage '{row.stage}' does not match: {row.different} spikes differ{where}, actions by up to "
                    f"{row.action_difference:.2g}; nothing was written"
                )


@dataclass(frozen=True)
class Rounding:
    """The differences that rounding may make in a float stage.

    Attributes
    ----------
    tolerance
        How near to its threshold a membrane may be for rounding to decide, by layer, in thresholds.
    reach
        Decisions that see a token: its own and those that look back on it.
    """

    tolerance: Mapping[str, float]
    reach: int


def window_rounding(folded: FoldedRun, reach: int) -> Rounding:
    """Float64's own rounding."""
    return Rounding(dict.fromkeys(folded.membranes[0], ROUNDING), reach)


def stream_rounding(folded: FoldedRun, reach: int, beta: float, program: Program) -> Rounding:
    """Float64's rounding and what β^(P − T) leaves of the last token's membrane, which only integers round to 0."""
    left = beta ** (program.period - program.active_steps)
    largest = {
        name: max(float(np.abs(membranes[name]).max()) for membranes in folded.membranes)
        for name in folded.membranes[0]
    }
    return Rounding({name: ROUNDING + left * size for name, size in largest.items()}, reach)


def single_rounding(folded: FoldedRun, reach: int) -> Rounding:
    """Float32's rounding of sums."""
    largest = {
        name: max(1.0, *(float(np.abs(membranes[name]).max()) for membranes in folded.membranes))
        for name in folded.membranes[0]
    }
    return Rounding({name: SINGLE_ROUNDING * size for name, size in largest.items()}, reach)


def reference_row(stage: str, run: StageRun) -> ParityRow:
    """The row that the others are compared with."""
    return ParityRow(stage, 0.0, _size(run.spikes), 0, 0, 0, None, "reference")


def float_row(
    stage: str,
    run: StageRun,
    model: StageRun,
    folded: FoldedRun,
    rounding: Rounding,
    recording: Recording,
    largest_difference: float = LARGEST_ACTION_DIFFERENCE,
) -> ParityRow:
    """A stage that may differ from the model by rounding alone."""
    explained = _explain(run, model, folded, rounding, recording)
    different, first_layer = _count(run.spikes, model.spikes)
    different += _stray(run)
    untouched = ~explained.touched
    equal = (
        different == explained.at_threshold + explained.following
        and _largest(run.actions[untouched] - model.actions[untouched]) <= largest_difference
    )
    return ParityRow(
        stage,
        _largest(run.actions - model.actions),
        _size(model.spikes),
        different,
        explained.at_threshold,
        explained.following,
        first_layer,
        "equal" if equal else FAILED,
    )


def network_row(stage: str, run: StageRun, model: StageRun) -> ParityRow:
    """A model that computes with real numbers, in float32 elsewhere."""
    difference = _largest(run.actions - model.actions)
    return ParityRow(stage, difference, 0, 0, 0, 0, None, "equal" if difference <= SINGLE_DIFFERENCE else FAILED)


def window_row(stage: str, run: FoldedRun, model: StageRun) -> ParityRow:
    """A window in float32: nothing but a spike at its threshold may change others, and the action, of its decision."""
    at_threshold = following = unexplained = 0
    untouched = np.ones(len(run.actions), dtype=bool)
    for n, spikes in enumerate(model.spikes):
        different = {name: layer != run.spikes[n][name] for name, layer in spikes.items()}
        near = sum(
            int((different[name] & (np.abs(membrane - 1) <= SINGLE_ROUNDING * max(1, np.abs(membrane).max()))).sum())
            for name, membrane in run.membranes[n].items()
        )
        others = sum(int(where.sum()) for where in different.values()) - near
        at_threshold, following = at_threshold + near, following + (others if near else 0)
        unexplained += 0 if near else others
        untouched[n] = near == 0
    different_count, first_layer = _count(run.spikes, model.spikes)
    close = _largest(run.actions[untouched] - model.actions[untouched]) <= SINGLE_DIFFERENCE
    return ParityRow(
        stage,
        _largest(run.actions - model.actions),
        _size(model.spikes),
        different_count,
        at_threshold,
        following,
        first_layer,
        "equal" if close and not unexplained else FAILED,
    )


def quantised_row(stage: str, run: ProgramRun, model: StageRun) -> ParityRow:
    """The fixed-point program against the model."""
    different, first_layer = _count(run.spikes, model.spikes)
    verdict = FAILED if _stray(run) else "quantised"
    difference = _largest(run.actions - model.actions)
    return ParityRow(stage, difference, _size(model.spikes), different, 0, 0, first_layer, verdict)


def identical_row(stage: str, run: ProgramRun, program: ProgramRun, first: StageRun, same_content: bool) -> ParityRow:
    """A program that must do what ``program`` did: every node, every time step, every accumulator.

    ``same_content`` says whether the two programs have the same content hash, which they must.
    """
    different, first_layer = _count(run.rasters, program.rasters)
    same = (
        same_content
        and different == 0
        and np.array_equal(run.accumulators, program.accumulators)
        and np.array_equal(run.actions, program.actions)
    )
    difference = _largest(run.actions - first.actions)
    return ParityRow(
        stage, difference, _size(program.rasters), different, 0, 0, first_layer, "identical" if same else FAILED
    )


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """The answers of another runtime: an action, (act,), and every node's spikes, (P, size), a decision."""

    answers: list[Array]
    rasters: list[Layers]

    @property
    def actions(self) -> Array:
        """(decisions, act)."""
        return np.array(self.answers)


def elsewhere_row(stage: str, run: Elsewhere, program: ProgramRun, first: StageRun) -> ParityRow:
    """A program in another runtime: every spike must be the same, and actions but for the last bits."""
    different, first_layer = _count(run.rasters, program.rasters)
    same = different == 0 and _largest(run.actions - program.actions) <= LAST_BITS
    return ParityRow(
        stage,
        _largest(run.actions - first.actions),
        _size(program.rasters),
        different,
        0,
        0,
        first_layer,
        "identical" if same else FAILED,
    )


def table(parity: Parity) -> str:
    """The rows as text."""
    header = ("stage", "action difference", "spikes compared", "different", "at threshold", "first in", "verdict")
    return text_table([header, *(_cells(row) for row in parity.rows)], numbers=False)


def _cells(row: ParityRow) -> tuple[str, ...]:
    share = f"{row.different} ({row.different / max(row.compared, 1):.2%})" if row.different else "0"
    near = f"{row.at_threshold} (+{row.following} after)" if row.at_threshold else "0"
    return (
        row.stage,
        f"{row.action_difference:.2g}",
        str(row.compared),
        share,
        near,
        row.first_layer or "–",
        row.verdict,
    )


@dataclass(frozen=True, eq=False)
class _Explained:
    at_threshold: int
    following: int
    touched: NDArray[np.bool_]  # (decisions,): a spike at its threshold differed in what the decision sees


def _explain(run: StageRun, model: StageRun, folded: FoldedRun, rounding: Rounding, recording: Recording) -> _Explained:
    """Tell differences that rounding decided, and what follows from them, from all others."""
    at_threshold = following = 0
    touched = np.zeros(recording.decisions, dtype=bool)
    decided = np.zeros(recording.decisions, dtype=bool)
    for n, first in enumerate(_first_of_episode(recording)):
        touched[n] = decided[max(first, n + 1 - rounding.reach) : n].any()
        for name, spikes in model.spikes[n].items():
            different = spikes != run.spikes[n][name]
            membranes = folded.membranes[n].get(name)
            # Gates have none: they follow from their inputs.
            near = different & False if membranes is None else np.abs(membranes - 1) <= rounding.tolerance[name]
            ties = different & near & (different.cumsum(axis=0) == 1)
            after = different & ~ties & (touched[n] | ties.any(axis=0))
            at_threshold += int(ties.sum())
            following += int(after.sum())
            decided[n] |= bool(ties.any())
            touched[n] |= decided[n]
    return _Explained(at_threshold, following, touched)


def _first_of_episode(recording: Recording) -> list[int]:
    """For each decision, the first of its episode."""
    lengths = [len(episode) for episode in recording.episodes]
    starts = np.cumsum([0, *lengths[:-1]])
    return [int(start) for start, length in zip(starts, lengths, strict=True) for _ in range(length)]


def _count(spikes: list[Layers], wanted: list[Layers]) -> tuple[int, str | None]:
    """Differing spikes in the layers of ``wanted``, and the first such layer."""
    by_layer = {
        name: sum(int((mine[name] != theirs[name]).sum()) for mine, theirs in zip(spikes, wanted, strict=True))
        for name in wanted[0]
    }
    return sum(by_layer.values()), next((name for name, count in by_layer.items() if count), None)


def _stray(run: StageRun) -> int:
    """Spikes of a program outside its layers' active time steps, where all must be silent."""
    if not isinstance(run, ProgramRun):
        return 0
    everything = sum(int(raster.sum()) for nodes in run.rasters for raster in nodes.values())
    return everything - sum(int(layer.sum()) for layers in run.spikes for layer in layers.values())


def _size(spikes: list[Layers]) -> int:
    return sum(layer.size for layers in spikes for layer in layers.values())


def _largest(difference: Array) -> float:
    return float(np.abs(difference).max(initial=0.0))
