"""The ONNX files of an export, run by ONNX Runtime on the recorded decisions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsf_export.parity import SINGLE_DIFFERENCE, Elsewhere, ParityRow, elsewhere_row, float_row, single_rounding
from dsf_export.pipeline import FloatForm
from dsf_export.recording import Recording
from dsf_export.stages import OnDecision, ProgramRun, StageRun
from dsf_export.targets.onnx.host import token_scale
from dsf_export.targets.onnx.metadata import described
from dsf_export.targets.onnx.program_file import write_model
from dsf_export.targets.onnx.program_model import program_model
from dsf_export.targets.onnx.rasters import Rasters
from dsf_export.targets.onnx.session import OnnxSession, token_inputs
from dsf_export.targets.onnx.tokens import ACTION
from neuro_runtime.program import Program
from neuro_runtime.program.arrival import working_times
from neuro_runtime.program.provenance import protocol_of

FLOAT_FORM = "float32, one token a call"


@dataclass(frozen=True, eq=False)
class Compared:
    """The decisions that files are run on, and the first stage's run of them."""

    recording: Recording
    model: StageRun
    on_decision: OnDecision = lambda: None


def write_float(floating: FloatForm, path: Path) -> None:
    """Write the float program in float32."""
    program = floating.program
    about = described(
        FLOAT_FORM, program.environment, protocol_of(program), token_scale(program.encoder), program.provenance
    )
    write_model(program_model(program, about), path)


def program_row(program: Program, compared: Compared, run: ProgramRun, file: Path) -> ParityRow:
    """The integer program's file beside the interpreter's ``run``: every spike must be the same."""
    ours = run_file(program, file, compared)
    return elsewhere_row("integers in ONNX Runtime", ours, run, compared.model)


def float_file_row(floating: FloatForm, compared: Compared, file: Path) -> ParityRow:
    """The float program's file beside the model: actions to 1e-5, and spikes but where rounding decides."""
    run = run_file(floating.program, file, compared)
    depth, steps = working_times(floating.program), floating.program.active_steps
    active = {name: slice(first, first + steps) for name, first in depth.items()}
    spikes = [{name: raster[active[name]] for name, raster in nodes.items()} for nodes in run.rasters]
    return float_row(
        "float32 in ONNX Runtime",
        StageRun(run.actions, spikes),
        compared.model,
        floating.run,
        single_rounding(floating.run, floating.reach),
        compared.recording,
        SINGLE_DIFFERENCE,
    )


def run_file(program: Program, file: Path, compared: Compared) -> Elsewhere:
    """The actions and rasters of a program's file, token by token."""
    session, rasters = OnnxSession(file), Rasters(program)
    run = Elsewhere([], [])
    for episode in compared.recording.episodes:
        session.reset()
        for token in episode:
            action, *spikes = session.run(token_inputs(token), [ACTION, *rasters.outputs])
            run.answers.append(np.asarray(action[0], np.float64))
            run.rasters.append(rasters.complete(spikes))
            compared.on_decision()
    return run
