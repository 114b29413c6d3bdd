"""ONNX files of models without a program: the baselines in float32 and int8, spiking models over their window."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsf_common.errors import UserError
from dsf_common.files import atomic_write
from dsf_export.parity import Parity, ParityRow, network_row, reference_row, window_row
from dsf_export.program_requirements import refuse_without_program
from dsf_export.recording import EPISODE_AT_MOST, StateSpread, record, require_room_for_decisions
from dsf_export.stages import OnDecision, StageRun, run_model
from dsf_export.targets import Target
from dsf_models.checkpoint import PolicyModel
from dsf_models.configuration import ModelConfig
from dsf_models.dsformer import DSFormer
from dsf_models.torch_backend import TorchBackend

INT8 = "int8"
NETWORK_STAGES = 3  # runs of as many decisions: the model's, and those of two files at most


def has_program(config: ModelConfig) -> bool:
    """Whether models of ``config`` are exported as programs."""
    try:
        refuse_without_program(config)
    except UserError:
        return False
    return True


@dataclass(frozen=True)
class Network:
    """A model without a program, where it came from, and where its float32 file goes."""

    policy: PolicyModel
    provenance: dict[str, str]
    target: Target
    output: Path

    @property
    def files(self) -> list[Path]:
        """All that :func:`write_network` writes."""
        return [self.output] if self.spikes else [self.output, self.target.beside(self.output, INT8)]

    @property
    def spikes(self) -> bool:
        """Whether its neurons spike, so that it is one file, over a window."""
        return isinstance(self.policy.model, DSFormer)


def write_network(
    network: Network,
    decisions: int,
    on_decision: OnDecision = lambda: None,
    on_parity: Callable[[Parity], object] = lambda parity: None,
) -> Parity:
    """Write the files of a model without a program, and run them beside it on ``decisions`` of its own decisions.

    Raises
    ------
    GateFailed
        A file in float32 does not answer as the model; nothing is written.
    UserError
        The model has no ONNX form.
    """
    model = network.policy.model
    token = model.observation_size + model.action_size + 1
    require_room_for_decisions(decisions, token * np.dtype(np.float64).itemsize)
    write = _write_window if network.spikes else _write_baseline
    with ExitStack() as files:
        temporaries = [files.enter_context(atomic_write(file)) for file in network.files]
        parity = write(network, temporaries, decisions, on_decision)
        on_parity(parity)
        parity.require()
    return parity


def _write_baseline(network: Network, files: list[Path], decisions: int, on_decision: OnDecision) -> Parity:
    """Token by token. A cache is the window until the context is full, so no episode is longer than that."""
    from dsf_export.targets.onnx import network_stages as onnx

    policy = network.policy
    for precision, file in zip((onnx.FLOAT32, onnx.INT8), files, strict=True):
        onnx.write_baseline(policy, precision, network.provenance, file)
    backend = TorchBackend(policy)
    recording = record(backend, _spread(policy), decisions, longest=min(EPISODE_AT_MOST, policy.model.config.context))
    actions = []
    for episode in recording.episodes:
        backend.reset()
        for token in episode:
            actions.append(backend.decide(token).action)
            on_decision()
    model = StageRun(np.array(actions), [{} for _ in actions])
    float32, int8 = (onnx.run_tokens(file, recording, on_decision) for file in files)
    rows = (
        reference_row("model", model),
        network_row("float32 in ONNX Runtime", float32, model),
        _rounded_row("int8 in ONNX Runtime", int8, model),
    )
    return Parity(recording, rows)


def _write_window(network: Network, files: list[Path], decisions: int, on_decision: OnDecision) -> Parity:
    from dsf_export.targets.onnx import network_stages as onnx

    policy, (file,) = network.policy, files
    onnx.write_window(policy, network.provenance, file)
    recording = record(TorchBackend(policy), _spread(policy), decisions)
    model = run_model(policy, recording, on_decision)
    run = onnx.run_windows(file, policy, recording, list(model.spikes[0]), on_decision)
    return Parity(recording, (reference_row("model, window", model), window_row("float32 in ONNX Runtime", run, model)))


def _rounded_row(stage: str, run: StageRun, model: StageRun) -> ParityRow:
    """Another network by intent; its row is for reading."""
    return ParityRow(stage, float(np.abs(run.actions - model.actions).max()), 0, 0, 0, 0, None, "quantised")


def _spread(policy: PolicyModel) -> StateSpread:
    return StateSpread(policy.normalisation.state_mean, policy.normalisation.state_std)
