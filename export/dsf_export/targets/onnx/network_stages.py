"""ONNX files of models without a program, written and run on recorded decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_export.recording import Recording
from dsf_export.stages import FoldedRun, OnDecision, StageRun
from dsf_export.targets.onnx.metadata import described
from dsf_export.targets.onnx.network_model import FLOAT32, INT8, baseline_model, scale_of
from dsf_export.targets.onnx.program_file import write_model
from dsf_export.targets.onnx.session import OnnxSession, window_inputs
from dsf_export.targets.onnx.tokens import ACTION
from dsf_export.targets.onnx.window_layers import MEMBRANE, SPIKES
from dsf_export.targets.onnx.window_model import window_model
from dsf_models.checkpoint import PolicyModel
from dsf_models.dsformer import DSFormer

__all__ = ["FLOAT32", "INT8", "run_tokens", "run_windows", "write_baseline", "write_window"]


def write_baseline(policy: PolicyModel, precision: str, provenance: Mapping[str, str], path: Path) -> None:
    """Write a baseline, one token a call."""
    kind = policy.model.config.kind.value
    about = _described(policy, f"{kind}, {precision}, one token a call", provenance)
    write_model(baseline_model(policy, precision, about), path)


def write_window(policy: PolicyModel, provenance: Mapping[str, str], path: Path) -> None:
    """Write a spiking model, its window a call."""
    if not isinstance(policy.model, DSFormer):
        raise UserError(f"a {type(policy.model).__name__} has no ONNX form over a window; export a DSFormer")
    form = f"float32, the last 1 to {policy.model.config.context} tokens a call"
    write_model(window_model(policy, policy.model, _described(policy, form, provenance)), path)


def run_tokens(file: Path, recording: Recording, on_decision: OnDecision) -> StageRun:
    """The actions of a file that takes tokens."""
    session = OnnxSession(file)
    actions: list[NDArray[np.float64]] = []
    for episode in recording.episodes:
        session.reset()
        for token in episode:
            actions.append(session.act(token))
            on_decision()
    return StageRun(np.array(actions), [{} for _ in actions])


def run_windows(
    file: Path, policy: PolicyModel, recording: Recording, layers: Sequence[str], on_decision: OnDecision
) -> FoldedRun:
    """The actions, spikes and membranes of a file that takes windows."""
    session, context = OnnxSession(file), policy.model.config.context
    wanted = [ACTION, *(SPIKES + name for name in layers)]
    membranes = [name for name in session.outputs if name.startswith(MEMBRANE)]
    run = FoldedRun(np.zeros(0), [], [])
    actions: list[NDArray[np.float64]] = []
    for episode in recording.episodes:
        for last in range(len(episode)):
            window = episode[max(0, last + 1 - context) : last + 1]
            action, *values = session.run(window_inputs(window), [*wanted, *membranes])
            actions.append(action[0])
            fired, reached = values[: len(layers)], values[len(layers) :]
            run.spikes.append({name: rows > 0 for name, rows in zip(layers, fired, strict=True)})
            names = (name.removeprefix(MEMBRANE) for name in membranes)
            run.membranes.append(dict(zip(names, reached, strict=True)))
            on_decision()
    return FoldedRun(np.array(actions), run.spikes, run.membranes)


def _described(policy: PolicyModel, form: str, provenance: Mapping[str, str]) -> dict[str, str]:
    return described(form, policy.environment, policy.protocol, scale_of(policy.normalisation), provenance)
