"""From a trained model, or a program, to a candidate for export: the fixed-point program and its parity up to here."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dsf_common.files import sha256_of
from dsf_common.plain_values import plain
from dsf_common.versions import installed_version
from dsf_export.fold import fold
from dsf_export.layer_report import LayerReport, report_layers, report_program
from dsf_export.lost_layers import warnings_of
from dsf_export.lower import lower
from dsf_export.parity import (
    Parity,
    ParityRow,
    float_row,
    identical_row,
    quantised_row,
    reference_row,
    stream_rounding,
    window_rounding,
)
from dsf_export.quantise.calibration import LayerCalibration, layer_calibrations
from dsf_export.quantise.group_scales import choose_scales, trained_scales
from dsf_export.quantise.outliers import Reaches, choose_reaches, limit_reach
from dsf_export.quantise.program_rounding import quantise
from dsf_export.quantise.rounding_bound import require_rounding_bound
from dsf_export.recording import CHOICE_SEED, SEED, Recording, StateSpread, record, require_room_for_decisions
from dsf_export.stages import FoldedRun, OnDecision, ProgramRun, StageRun, run_folded, run_model, run_program
from dsf_models.checkpoint import PolicyModel
from dsf_models.quantisation import Quantisation, Scales
from dsf_models.torch_backend import TorchBackend
from hw_profiles.chip_arithmetic import standing
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.program import Program, program_hash, validate
from neuro_runtime.program.portable import departures
from neuro_runtime.program.provenance import DATA_NOTES
from neuro_runtime.program.weight_format import DEFAULT_FORMAT, WeightFormat
from neuro_runtime.simulators.interpreter import Interpreter

MODEL_STAGES, PROGRAM_STAGES = 6, 2  # runs of as many decisions, that of the file read back included
# Keys of the provenance, which a program file's hash covers.
SCALES_CHOSEN_ON = "units_chosen_on"
CHIP = "chip"
ARRIVAL = "arrival"  # by what the largest arrivals are known to stay inside the portable subset
PROVEN = "proven"
REACHES = "reaches"  # of layers with outliers, in thresholds
DISTRIBUTIONS = ("decision-spikeformer", "numpy", "torch")


@dataclass(frozen=True, eq=False)
class Quantised:
    """A model in one weight format.

    Attributes
    ----------
    layers
        One report a layer, on decisions that no scale was chosen on.
    action_error
        Root mean square of the difference to the float program's actions on those decisions.
    run
        The program's run on them.
    """

    weight_format: WeightFormat
    program: Program
    layers: tuple[LayerReport, ...]
    action_error: float
    run: ProgramRun


@dataclass(frozen=True, eq=False)
class FloatForm:
    """The float program of a policy, and what its folded form did on the decisions that stages are compared on.

    Attributes
    ----------
    reach
        Decisions that see a token: its own and those that look back on it.
    """

    program: Program
    run: FoldedRun
    reach: int


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fixed-point program that has yet to be written.

    Attributes
    ----------
    layers
        One row a node group.
    rows
        Its parity up to the program itself.
    first, run
        The runs of the first row's stage and of the program on the recording.
    formats
        The model in each weight format that was asked for, that of the program first; of a program, none.
    floating
        The program before it was rounded, where the model is at hand.
    """

    program: Program
    layers: tuple[LayerReport, ...]
    recording: Recording
    rows: tuple[ParityRow, ...]
    first: StageRun
    run: ProgramRun
    formats: tuple[Quantised, ...] = ()
    floating: FloatForm | None = None

    @property
    def warnings(self) -> list[str]:
        """Sentences about layers that rounding harms; of a program, none."""
        return warnings_of(self.layers, self.formats[0].weight_format) if self.formats else []


def from_policy(
    policy: PolicyModel,
    provenance: dict[str, str],
    decisions: int,
    on_decision: OnDecision = lambda: None,
    formats: Sequence[WeightFormat] = (DEFAULT_FORMAT,),
) -> Candidate:
    """Fold, lower and quantise a policy, and compare all stages on ``decisions`` of its own decisions.

    Raises
    ------
    UserError
        The model cannot stream, or has no Loihi form.
    """
    config = policy.model.config
    folded = fold(policy.model)
    lowered = lower(folded, policy, provenance)
    validate(lowered)
    in_float_and_rounded = 2 * _bytes_a_decision(lowered)
    require_room_for_decisions(decisions, in_float_and_rounded)
    spread = StateSpread(policy.normalisation.state_mean, policy.normalisation.state_std)
    backend = TorchBackend(policy)
    chosen_on, recording = (record(backend, spread, decisions, seed) for seed in (CHOICE_SEED, SEED))
    model_run = run_model(policy, recording, on_decision)
    calibrations = layer_calibrations(lowered, chosen_on, run_program(lowered, chosen_on, on_decision))
    choice = _Choice(lowered, calibrations, chosen_on, policy.quantisation)
    folded_run = run_folded(folded, policy.normalisation, recording, on_decision)
    lowered_run = run_program(lowered, recording, on_decision)
    judge = _Judge(lowered, recording, lowered_run, layer_calibrations(lowered, recording, lowered_run))
    quantised = tuple(_quantised(judge, choice, item, on_decision) for item in formats)
    in_window = window_rounding(folded_run, config.receptive_field)
    in_stream = stream_rounding(folded_run, config.receptive_field, config.beta, lowered)
    rows = (
        reference_row("model, window", model_run),
        float_row("folded, window", folded_run, model_run, folded_run, in_window, recording),
        float_row("lowered, stream", lowered_run, model_run, folded_run, in_stream, recording),
        quantised_row("fixed point, stream", quantised[0].run, model_run),
    )
    first = quantised[0]
    floating = FloatForm(lowered, folded_run, config.receptive_field)
    return Candidate(first.program, first.layers, recording, rows, model_run, first.run, quantised, floating)


@dataclass(frozen=True, eq=False)
class _Judge:
    """The float program and what it did on the decisions that quantised ones are compared on."""

    lowered: Program
    recording: Recording
    run: ProgramRun
    calibrations: dict[str, LayerCalibration]


@dataclass(frozen=True, eq=False)
class _Choice:
    """The basis of scales: those of training, or recorded decisions that nothing is judged on."""

    lowered: Program
    calibrations: dict[str, LayerCalibration]
    recording: Recording
    trained: Quantisation | None

    def choose(self, weight_format: WeightFormat) -> _Chosen:
        """The scales of a format; what was trained through rounding has no outliers to limit."""
        if self.trained and self.trained.weight_format == weight_format:
            scales = trained_scales(self.lowered, self.trained, weight_format)
            return _Chosen(scales, _trained_on(self.trained.scales, scales), {}, self.lowered)
        reaches = choose_reaches(self.lowered, self.calibrations, weight_format)
        limited = limit_reach(self.lowered, reaches)
        scales = choose_scales(limited, self.calibrations, weight_format)
        return _Chosen(scales, f"{self.recording.decisions} decisions, {self.recording.origin}", reaches, limited)


def _trained_on(trained: Scales, scales: Scales) -> str:
    coarser = [name for name, scale in trained.of.items() if scales.of[name] != scale]
    return "training with quantise=true" + (f", made coarser: {', '.join(coarser)}" if coarser else "")


@dataclass(frozen=True, eq=False)
class _Chosen:
    """The scales of a format.

    Attributes
    ----------
    on
        A phrase that says what they were chosen on.
    reaches, limited
        Layers whose reach was limited, and the float program after it.
    """

    scales: Scales
    on: str
    reaches: Reaches
    limited: Program


def _quantised(judge: _Judge, choice: _Choice, weight_format: WeightFormat, on_decision: OnDecision) -> Quantised:
    """The float program in one format."""
    chosen = choice.choose(weight_format)
    program = quantise(chosen.limited, chosen.scales, weight_format)
    validate(program)
    require_rounding_bound(chosen.limited, program, chosen.scales, weight_format)
    run = run_program(program, judge.recording, on_decision)
    provenance = {
        "weight_bits": str(weight_format.bits),
        "weight_exponents": str(weight_format.exponents),
        CHIP: str(weight_format.chip),
        ARRIVAL: _arrival(program, run, choice.recording),
        SCALES_CHOSEN_ON: chosen.on,
    }
    if chosen.reaches:
        provenance[REACHES] = json.dumps(chosen.reaches, sort_keys=True)
    program = replace(program, provenance={**program.provenance, **provenance})
    layers = report_layers(program, judge.lowered, run, judge.run, judge.calibrations, chosen.limited)
    error = float(np.sqrt(((run.actions - judge.run.actions) ** 2).mean()))
    return Quantised(weight_format, program, layers, error, run)


def _arrival(program: Program, run: ProgramRun, chosen_on: Recording) -> str:
    """By what the program's arrivals keep to the portable subset, as chosen and as ``run`` saw it."""
    outside = departures(program, observed=run.arrival_peaks)
    nodes = ", ".join(dict.fromkeys(departure.node for departure in outside))
    match standing(outside):
        case "proven":
            return PROVEN
        case "observed":
            return f"observed in {chosen_on.decisions} decisions, {chosen_on.origin}: {nodes}"
        case "outside":
            return f"outside the portable subset: {nodes}"


def own_format(policy: PolicyModel) -> WeightFormat:
    """The weight format that a policy was trained through; the default if it was trained in float."""
    return policy.quantisation.weight_format if policy.quantisation else DEFAULT_FORMAT


def from_program(program: Program, decisions: int, on_decision: OnDecision) -> Candidate:
    """A program that was exported before, on decisions of its own."""
    require_room_for_decisions(decisions, _bytes_a_decision(program))
    spread = StateSpread(program.encoder.state_mean, program.encoder.state_std)
    recording = record(ProgramBackend(program, Interpreter(program)), spread, decisions)
    run = run_program(program, recording, on_decision)
    return Candidate(program, report_program(program, run), recording, (reference_row("program", run),), run, run)


def _bytes_a_decision(program: Program) -> int:
    """Memory of a run's spikes, a decision: a byte for each neuron and time step."""
    return program.period * sum(node.size for node in program.nodes if node.spikes)


def with_read_back(candidate: Candidate, again: Program, stage: str, on_decision: OnDecision) -> Parity:
    """The finished table: ``again`` is what the written file gave."""
    run = run_program(again, candidate.recording, on_decision)
    same_content = program_hash(again) == program_hash(candidate.program)
    row = identical_row(stage, run, candidate.run, candidate.first, same_content)
    return Parity(candidate.recording, (*candidate.rows, row))


def provenance_of(path: Path, policy: PolicyModel) -> dict[str, str]:
    """The model file and the versions that make its program; nothing changes from one export of it to the next."""
    configuration = policy.configuration or {"model": plain(policy.model.config)}
    return {
        "model_sha256": sha256_of(path),
        "configuration": json.dumps(configuration, sort_keys=True),
        **({DATA_NOTES: json.dumps(policy.data_notes)} if policy.data_notes else {}),
        "python": platform.python_version(),
        **{name: installed_version(name) for name in DISTRIBUTIONS},
    }
