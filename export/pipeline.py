"""From a trained model, or a program, to a candidate for export: the fixed-point program and its parity so far."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from export.fold import fold
from export.lower import lower
from export.parity import (
    Parity,
    ParityRow,
    float_row,
    identical_row,
    quantised_row,
    reference_row,
    stream_rounding,
    window_rounding,
)
from export.quantise import quantise
from export.recording import Recording, StateSpread, record
from export.stages import OnDecision, ProgramRun, StageRun, run_folded, run_model, run_program
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.files import sha256_of
from neuro_runtime.interpreter import Interpreter
from neuro_runtime.program import Program, program_hash, validate
from train.checkpoint import PolicyModel, load_model_file, plain
from train.torch_backend import TorchBackend

MODEL_STAGES, PROGRAM_STAGES = 5, 2  # runs of the recorded decisions, that of the file read back included
DISTRIBUTIONS = ("decision-spikeformer", "numpy", "torch")


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fixed-point program that has yet to be written.

    Attributes
    ----------
    rows
        Its parity up to the program itself.
    first, run
        What the first row's stage and the program did on the recording.
    """

    program: Program
    recording: Recording
    rows: tuple[ParityRow, ...]
    first: StageRun
    run: ProgramRun


def from_model_file(path: Path, decisions: int, on_decision: OnDecision) -> Candidate:
    """Fold, lower and quantise the model in ``path``, and compare all stages on ``decisions`` of its own decisions.

    Raises
    ------
    UserError
        The model cannot be read, cannot stream, or has no Loihi form.
    """
    policy = load_model_file(path)
    return from_policy(policy, _provenance(path, policy), decisions, on_decision)


def from_policy(
    policy: PolicyModel, provenance: dict[str, str], decisions: int, on_decision: OnDecision = lambda: None
) -> Candidate:
    """The candidate of a policy in memory; see :func:`from_model_file`."""
    config = policy.model.config
    folded = fold(policy.model)
    lowered = lower(folded, policy, provenance)
    validate(lowered)
    program = quantise(lowered)
    validate(program)
    spread = StateSpread(policy.normalisation.state_mean, policy.normalisation.state_std)
    recording = record(TorchBackend(policy), spread, decisions)
    model_run = run_model(policy, recording, on_decision)
    folded_run = run_folded(folded, policy.normalisation, recording, on_decision)
    lowered_run = run_program(lowered, recording, on_decision)
    run = run_program(program, recording, on_decision)
    in_window = window_rounding(folded_run, config.receptive_field)
    in_stream = stream_rounding(folded_run, config.receptive_field, config.leak, lowered)
    rows = (
        reference_row("model, window", model_run),
        float_row("folded, window", folded_run, model_run, folded_run, in_window, recording),
        float_row("lowered, stream", lowered_run, model_run, folded_run, in_stream, recording),
        quantised_row("fixed point, stream", run, model_run),
    )
    return Candidate(program, recording, rows, model_run, run)


def from_program(program: Program, decisions: int, on_decision: OnDecision) -> Candidate:
    """A program that was exported before, on decisions of its own."""
    spread = StateSpread(program.encoder.state_mean, program.encoder.state_std)
    recording = record(ProgramBackend(program, Interpreter(program)), spread, decisions)
    run = run_program(program, recording, on_decision)
    return Candidate(program, recording, (reference_row("program", run),), run, run)


def with_read_back(candidate: Candidate, again: Program, stage: str, on_decision: OnDecision) -> Parity:
    """The finished table: ``again`` is what the written file gave."""
    run = run_program(again, candidate.recording, on_decision)
    same_content = program_hash(again) == program_hash(candidate.program)
    row = identical_row(stage, run, candidate.run, candidate.first, same_content)
    return Parity(candidate.recording, (*candidate.rows, row))


def _provenance(path: Path, policy: PolicyModel) -> dict[str, str]:
    """What made the program; nothing that changes from one export of the same model to the next."""
    configuration = policy.configuration or {"model": plain(policy.model.config)}
    return {
        "model_sha256": sha256_of(path),
        "configuration": json.dumps(configuration, sort_keys=True),
        "python": platform.python_version(),
        **{name: _version(name) for name in DISTRIBUTIONS},
    }


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
