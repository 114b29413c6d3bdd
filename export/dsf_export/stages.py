"""The stages of an export, each run on the same recorded decisions, each decision starting from what came before it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsf_export.arrays import Array
from dsf_export.fold import FoldedPolicy
from dsf_export.recording import Recording
from dsf_export.window import FoldedWindow, WindowDecision
from dsf_models.checkpoint import Normalisation, PolicyModel
from dsf_models.torch_backend import one_torch_thread
from neuro_runtime.program import Program
from neuro_runtime.program.arrival import working_times
from neuro_runtime.program.arrival_peaks import ArrivalPeaks
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.token import Token

Raster = NDArray[np.bool_]
OnDecision = Callable[[], object]


@dataclass(frozen=True, eq=False)
class StageRun:
    """The answers of one stage.

    Attributes
    ----------
    actions
        (decisions, act).
    spikes
        For each decision, layer -> (T, width): what each neuron did for the decision's own token.
    """

    actions: Array
    spikes: list[dict[str, Raster]]


@dataclass(frozen=True, eq=False)
class FoldedRun(StageRun):
    """A run of the folded policy, whose membranes say how near to its threshold a neuron was."""

    membranes: list[dict[str, Array]]  # before the reset, in thresholds


@dataclass(frozen=True, eq=False)
class ProgramRun(StageRun):
    """A run of a program, with all it did: every node and time step, what the host read, and how much arrived."""

    rasters: list[dict[str, Raster]]  # node -> (P, size)
    accumulators: list[NDArray[np.generic]]
    arrival_peaks: list[ArrivalPeaks]


def run_model(policy: PolicyModel, recording: Recording, on_decision: OnDecision) -> StageRun:
    """The trained model in float64, its whole window at every decision."""
    model = copy.deepcopy(policy.model).double().eval()
    actions: list[Array] = []
    spikes: list[dict[str, Raster]] = []
    sizes = [model.observation_size, model.action_size, 1]
    for window in windows(recording, policy.normalisation, model.config.context):
        layers: dict[str, Tensor] = {}
        tokens = torch.from_numpy(window)[None]
        with torch.no_grad(), one_torch_thread():
            answers = model(*torch.split(tokens, sizes, dim=-1), torch.ones(tokens.shape[:2], dtype=torch.bool), layers)
        actions.append(answers[0, -1].numpy())
        spikes.append({name: layer[:, -1].numpy() > 0 for name, layer in layers.items()})
        on_decision()
    return StageRun(np.array(actions), spikes)


def run_folded(
    folded: FoldedPolicy, normalisation: Normalisation, recording: Recording, on_decision: OnDecision
) -> FoldedRun:
    """The folded policy, its whole window at every decision."""
    decisions: list[WindowDecision] = []
    folded_window = FoldedWindow(folded)
    for window in windows(recording, normalisation, folded.context):
        decisions.append(folded_window.decide(window))
        on_decision()
    return FoldedRun(
        np.array([decision.action for decision in decisions]),
        [decision.spikes for decision in decisions],
        [decision.membranes for decision in decisions],
    )


def run_program(program: Program, recording: Recording, on_decision: OnDecision) -> ProgramRun:
    """A program in the interpreter, token by token."""
    interpreter = Interpreter(program)
    actions: list[Array] = []
    rasters: list[dict[str, Raster]] = []
    accumulators: list[NDArray[np.generic]] = []
    for episode in recording.episodes:
        interpreter.reset()
        for token in episode:
            current = program.encoder.encode(token)
            given = program.encoder.quantise(current) if program.arithmetic == "loihi" else current
            decision = interpreter.decide(given, record=True)
            assert decision.recording is not None
            actions.append(program.readout.decode(decision.accumulator, current))
            rasters.append(decision.recording.spikes)
            accumulators.append(decision.accumulator)
            on_decision()
    depth = working_times(program)
    active = {name: slice(depth[name], depth[name] + program.active_steps) for name in rasters[0]}
    aligned = [{name: raster[active[name]] for name, raster in nodes.items()} for nodes in rasters]
    return ProgramRun(np.array(actions), aligned, rasters, accumulators, interpreter.arrival_peaks)


def windows(recording: Recording, normalisation: Normalisation, context: int) -> Iterator[Array]:
    """For each decision, its last ``context`` tokens or fewer, (tokens, obs + act + 1), normalised."""
    for episode in recording.episodes:
        inputs = _inputs(episode, normalisation)
        for last in range(len(inputs)):
            yield inputs[max(0, last + 1 - context) : last + 1]


def _inputs(episode: Sequence[Token], normalisation: Normalisation) -> Array:
    states = np.array([token.state for token in episode])
    return np.concatenate(
        [
            normalisation.states(states),
            np.array([token.previous_action for token in episode]),
            np.array([[token.return_to_go / normalisation.return_scale] for token in episode]),
        ],
        axis=1,
    )
