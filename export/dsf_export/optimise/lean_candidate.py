"""A candidate for export made lean: each pass run on the recorded decisions beside the program before all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dsf_common.errors import GateFailed, UserError
from dsf_export.optimise.graded_scores import GradedScores
from dsf_export.optimise.pass_report import BEFORE, PassRow, names, pass_row
from dsf_export.optimise.passes import PASSES, SAFE, SAFE_WITH_RESETS, Applied, PassChoice, lean, optimise
from dsf_export.optimise.program_pass import ProgramPass
from dsf_export.optimise.record_silence import EPISODES, HeldOut, OnEpisode, Silence, hold_out, record_silence
from dsf_export.optimise.recorded import RecordedSilence
from dsf_export.optimise.reset import ResetAtBegin
from dsf_export.optimise.rewriting import Neurons
from dsf_export.pipeline import ARRIVAL, CHIP, PROVEN, Candidate
from dsf_export.stages import run_program
from neuro_runtime.program.chip import find_chip
from neuro_runtime.program.nodes import Lif
from neuro_runtime.program.portable import departures
from neuro_runtime.program.program import Program

# Keys of the provenance: the neurons that went by a record, and the thresholds of all layers before any went.
RECORDED = "recorded_silence"
THRESHOLDS = "thresholds"


@dataclass(frozen=True)
class Lean:
    """A candidate after the passes that were asked for.

    Attributes
    ----------
    rows
        The program before, and one row a pass.
    recorded
        What a record said of the neurons that never fired, and whether that held; None where nothing was recorded.
    """

    candidate: Candidate
    rows: tuple[PassRow, ...]
    recorded: Recorded | None = None


@dataclass(frozen=True)
class Recorded:
    """A record of silence and the episodes that it was held against; the pass is applied where it holds."""

    silence: Silence
    held_out: HeldOut

    @property
    def applied(self) -> bool:
        """Whether neurons go by it."""
        return self.silence.neurons > 0 and self.held_out.holds


def make_lean(
    candidate: Candidate,
    choice: PassChoice,
    episodes: int = EPISODES,
    on_episode: OnEpisode = lambda: None,
    may_reset: bool = False,
) -> Lean:
    """Apply the passes of ``choice`` to a candidate's program.

    Parameters
    ----------
    may_reset
        Whether neurons may be reset at a token's begin, which takes the program out of the portable subset.

    Raises
    ------
    UserError
        Recorded passes are asked for, and the environment cannot be made here, or passes were there before.
    GateFailed
        A pass changes an action.
    """
    if choice is PassChoice.none:
        return Lean(candidate, ())
    program = candidate.program
    if choice is PassChoice.all and PASSES in program.provenance:
        raise UserError(
            "recorded passes begin with a program that no pass has changed, so that their record names its neurons: "
            "pass the model.pt"
        )
    recorded = _recorded(program, episodes, on_episode) if choice is PassChoice.all else None
    silent = recorded.silence.silent if recorded and recorded.applied else {}
    applied = optimise(_noted(program, silent), _passes(program, silent, may_reset))
    rows = [pass_row(BEFORE, program, candidate.run, candidate.run)]
    run = candidate.run
    for title, item in zip(names(applied), applied, strict=True):
        run = run_program(item.program, candidate.recording, lambda: None)
        rows.append(pass_row(title, item.program, run, candidate.run))
    require_equal(rows)
    last = _with_proof(applied[-1].program) if applied else program
    return Lean(replace(candidate, program=last, run=run), tuple(rows), recorded)


def _with_proof(program: Program) -> Program:
    """A program whose arrivals are proven, where what passes took out was all that was only observed."""
    if ARRIVAL not in program.provenance or departures(program):
        return program
    return replace(program, provenance={**program.provenance, ARRIVAL: PROVEN})


def require_equal(rows: Sequence[PassRow]) -> None:
    """Do nothing if no pass changed an action.

    Raises
    ------
    GateFailed
        Naming the first that did.
    """
    for row in rows:
        if row.different:
            raise GateFailed(
                f"the pass '{row.name}' changes the actions of {row.different} decisions; use --passes none"
            )


def made_lean_again(program: Program, provenance: Mapping[str, str]) -> Program:
    """The passes that a lean program's ``provenance`` names, applied to the program that it was made from."""
    applied = passes_again(program, provenance)
    return applied[-1].program if applied else program


def passes_again(program: Program, provenance: Mapping[str, str], may_reset: bool = False) -> tuple[Applied, ...]:
    """Each of these passes, and resets where there ``may`` be some that the ``provenance`` does not name."""
    silent = recorded_neurons(program, provenance)
    may_reset |= ResetAtBegin.name in provenance[PASSES].split(", ")
    return optimise(_noted(program, silent), _passes(program, silent, may_reset))


def recorded_neurons(program: Program, provenance: Mapping[str, str]) -> dict[str, Neurons]:
    """The neurons of a program, (size,) by node, that a record took out of the lean one with this ``provenance``."""
    runs = json.loads(provenance.get(RECORDED, "{}"))
    return {name: _mask(program.node(name).size, ranges) for name, ranges in runs.items()}


def _recorded(program: Program, episodes: int, on_episode: OnEpisode) -> Recorded:
    silence = record_silence(program, episodes, on_episode)
    leaner = lean(program, _passes(program, silence.silent))
    return Recorded(silence, hold_out(program, leaner, silence, episodes, on_episode))


def _passes(program: Program, silent: Mapping[str, Neurons], may_reset: bool = False) -> tuple[ProgramPass[Any], ...]:
    """The exact passes, and before them the graded form, where the program's chip has it, and a record's silence."""
    chip = program.provenance.get(CHIP)
    graded = (GradedScores(),) if chip and find_chip(chip).has_graded_spikes else ()
    recorded = (RecordedSilence(silent),) if silent else ()
    return (*graded, *recorded, *(SAFE_WITH_RESETS if may_reset else SAFE))


def _noted(program: Program, silent: Mapping[str, Neurons]) -> Program:
    """The program whose provenance keeps what passes may take out: all thresholds, and the neurons of a record."""
    thresholds = {node.name: int(node.threshold) for node in program.nodes if isinstance(node, Lif)}
    thresholds |= json.loads(program.provenance.get(THRESHOLDS, "{}"))  # also those that earlier passes took out
    notes = {THRESHOLDS: json.dumps(thresholds, sort_keys=True)}
    if silent:
        notes[RECORDED] = json.dumps({name: _ranges(these) for name, these in silent.items()}, sort_keys=True)
    return replace(program, provenance={**program.provenance, **notes})


def _ranges(chosen: Neurons) -> list[list[int]]:
    """First and last of each run of chosen neurons."""
    runs: list[list[int]] = []
    for neuron in chosen.nonzero()[0].tolist():
        if runs and runs[-1][1] == neuron - 1:
            runs[-1][1] = neuron
        else:
            runs.append([neuron, neuron])
    return runs


def _mask(size: int, runs: list[list[int]]) -> Neurons:
    chosen = np.zeros(size, dtype=bool)
    for first, last in runs:
        chosen[first : last + 1] = True
    return chosen
