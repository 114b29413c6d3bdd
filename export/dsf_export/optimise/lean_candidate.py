"""A candidate for export made lean: each pass run on the recorded decisions beside the program before all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dsf_common.errors import GateFailed
from dsf_export.optimise.graded_scores import GradedScores
from dsf_export.optimise.pass_report import BEFORE, PassRow, names, pass_row
from dsf_export.optimise.passes import SAFE, PassChoice, lean, optimise
from dsf_export.optimise.program_pass import ProgramPass
from dsf_export.optimise.record_silence import EPISODES, HeldOut, OnEpisode, Silence, hold_out, record_silence
from dsf_export.optimise.recorded import RecordedSilence
from dsf_export.optimise.rewriting import Neurons
from dsf_export.pipeline import CHIP, Candidate
from dsf_export.stages import run_program
from neuro_runtime.program.chip import find_chip
from neuro_runtime.program.nodes import Lif
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
    candidate: Candidate, choice: PassChoice, episodes: int = EPISODES, on_episode: OnEpisode = lambda: None
) -> Lean:
    """Apply the passes of ``choice`` to a candidate's program.

    Raises
    ------
    UserError
        Recorded passes are asked for, and the environment cannot be made here.
    GateFailed
        A pass changes an action.
    """
    if choice is PassChoice.none:
        return Lean(candidate, ())
    program = candidate.program
    recorded = _recorded(program, episodes, on_episode) if choice is PassChoice.all else None
    silent = recorded.silence.silent if recorded and recorded.applied else {}
    applied = optimise(_noted(program, silent), _passes(program, silent))
    rows = [pass_row(BEFORE, program, candidate.run, candidate.run)]
    run = candidate.run
    for title, item in zip(names(applied), applied, strict=True):
        run = run_program(item.program, candidate.recording, lambda: None)
        rows.append(pass_row(title, item.program, run, candidate.run))
    require_equal(rows)
    last = applied[-1].program if applied else program
    return Lean(replace(candidate, program=last, run=run), tuple(rows), recorded)


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
    runs = json.loads(provenance.get(RECORDED, "{}"))
    silent = {name: _mask(program.node(name).size, ranges) for name, ranges in runs.items()}
    return lean(_noted(program, silent), _passes(program, silent))


def _recorded(program: Program, episodes: int, on_episode: OnEpisode) -> Recorded:
    silence = record_silence(program, episodes, on_episode)
    leaner = lean(program, _passes(program, silence.silent))
    return Recorded(silence, hold_out(program, leaner, silence, episodes, on_episode))


def _passes(program: Program, silent: Mapping[str, Neurons]) -> tuple[ProgramPass[Any], ...]:
    """The exact passes, and before them the graded form, where the program's chip has it, and a record's silence."""
    chip = program.provenance.get(CHIP)
    graded = (GradedScores(),) if chip and find_chip(chip).has_graded_spikes else ()
    return (*graded, *((RecordedSilence(silent),) if silent else ()), *SAFE)


def _noted(program: Program, silent: Mapping[str, Neurons]) -> Program:
    """The program whose provenance keeps what passes may take out: all thresholds, and the neurons of a record."""
    thresholds = {node.name: int(node.threshold) for node in program.nodes if isinstance(node, Lif)}
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
