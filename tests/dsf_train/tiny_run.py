"""The smallest runs that train, export nothing, and end in seconds."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from dsf_models.checkpoint import load_tensors
from dsf_models.configuration import ModelKind
from dsf_models.kind_settings import is_taken
from dsf_train.configuration import TrainConfig
from dsf_train.run_options import training_config

TINY = (
    "env=pendulum",
    "model.embedding_size=16",
    "model.blocks=1",
    "model.window=2",
    "model.context=4",
    "model.time_steps=2",
    "batch_size=16",
    "log_every=10",
    "evaluate_every=0",
    "final_episodes=1",
    "threads=1",
)

# 40 steps, with checkpoints on the way.
SHORT = (
    "env=pendulum",
    "model.embedding_size=8",
    "model.blocks=1",
    "model.window=2",
    "model.context=4",
    "model.time_steps=2",
    "steps=40",
    "batch_size=8",
    "log_every=10",
    "checkpoint_every=10",
    "evaluate_every=0",
    "final_episodes=2",
    "threads=1",
)


def tiny(*overrides: str) -> list[str]:
    """The tiny run with ``overrides``, without what a kind of model in them does not take."""
    kinds = [ModelKind(pair.partition("=")[2]) for pair in overrides if pair.startswith("model.kind=")]
    return [*(pair for pair in TINY if all(is_taken(pair, kind) for kind in kinds)), *overrides]


def short_run(folder: Path, *overrides: str) -> TrainConfig:
    """The configuration of a short run that writes into ``folder``."""
    return training_config([*SHORT, f"output={folder}", *overrides])


def weights(model_file: Path) -> dict[str, torch.Tensor]:
    """All weights of a model file, by name."""
    tensors: dict[str, torch.Tensor] = load_tensors(model_file)["weights"]
    return tensors


def assert_same_weights(first: Path, second: Path) -> None:
    """Assert that two model files hold the same bits."""
    left, right = weights(first), weights(second)
    assert left.keys() == right.keys()
    different = [name for name in left if not torch.equal(left[name], right[name])]
    assert not different


def kill_at_its_first_checkpoint(overrides: Sequence[str], checkpoint: Path) -> list[str]:
    """Start `dsf-train` in a process of its own and kill it once ``checkpoint`` is there; return its command."""
    command = [sys.executable, "-m", "dsf_train.command_train", *overrides]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return command
