"""Does a policy use its past? Where velocities are hidden it must, so each is also run with none.

    python -m benchmarks.memory [env=pendulum-hidden] [models=delay-matrix,delay,pssa] [dataset=FILE] [steps=N]
                                [episodes=100] [seed=0] [output=runs] [baseline_size=D] [first_episode=10000]

Trains each model (or goes on with, or reuses, its run in `runs/`) with the environment's recipe; a model is a
token mixing, or a baseline by its `model.kind`, which has its own number of blocks but the recipe's D (or
`baseline_size`), K, steps, batch size, learning rate, share of the data and sight of the previous action. Options of
its own follow colons, as in `delay-matrix:mixing_rank=16:beta=0.5`. Then it prints, with the past and with the window
cut to the present token: the loss of the present token's action on that share of the dataset, the normalised score, and
the synops a decision of the exported program.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.statistics import MeanEstimate, estimate_mean
from dsf_export.program_events import program_events
from dsf_models.checkpoint import PolicyModel, load_model_file
from dsf_models.configuration import ModelKind
from dsf_models.kind_settings import is_taken
from dsf_models.mixings import mixing_names
from dsf_train.configuration import TrainConfig
from dsf_train.datasets import open_dataset
from dsf_train.evaluation import EVALUATION_SEED, evaluate
from dsf_train.run_options import recipe, training_config
from dsf_train.sampling import Batch, TokenWindows
from dsf_train.trainer import train
from neuro_runtime.environments import load_environment_spec

# With the baselines.
SHARED = (
    "steps",
    "batch_size",
    "learning_rate",
    "best_share",
    "model.embedding_size",
    "model.context",
    "model.previous_action",
)
WINDOWS, BATCHES = 512, 40  # that loss and synops are meaned over


@dataclass
class Options:
    """The models to compare, their environment, training and episodes."""

    env: str = "pendulum-hidden"
    models: str = "delay-matrix,delay,pssa"
    dataset: str | None = None
    steps: int | None = None  # the recipe's
    episodes: int = 100
    seed: int = 0
    output: str = "runs"
    baseline_size: int | None = None  # D of the baselines; the recipe's
    first_episode: int = EVALUATION_SEED  # seed of the first, to score on episodes that chose nothing


@dataclass(frozen=True)
class Measured:
    """A model with as many of the latest tokens as it was given."""

    loss: float  # of the window's last action
    synops: float | None  # a decision; None without a program
    score: MeanEstimate


def main(argv: list[str]) -> int:
    """Train what is missing, measure all, print the table."""
    options = compose(Options, argv)
    configs = {name: _config(name, options) for name in options.models.split(",")}
    models = {name: _trained(config) for name, config in configs.items()}
    print(
        f"{options.env}, {options.episodes} episodes, normalised score (0 random, 100 reference), seed {options.seed}\n"
    )
    print(f"{'model':<34}{'past':<6}{'loss':>8}{'score':>26}{'synops a decision':>20}")
    for name, model in models.items():
        for title, past in (("yes", None), ("cut", 1)):
            print(_row(name, title, _measure(load_model_file(model), configs[name], options, past)), flush=True)
    return 0


def _config(model: str, options: Options) -> TrainConfig:
    name, *own = model.split(":")
    pairs = [f"env={options.env}", f"output={options.output}", f"seed={options.seed}"]
    pairs += ["evaluate_every=0", "final_episodes=2"]  # scores come after it
    if name in mixing_names():
        pairs.append(f"model.mixing={name}")
    else:
        pairs.append(f"model.kind={name}")
        shared = [pair for pair in recipe(options.env) if pair.split("=")[0] in SHARED]
        pairs += [pair for pair in shared if is_taken(pair, ModelKind(name))]
        pairs += [] if options.baseline_size is None else [f"model.embedding_size={options.baseline_size}"]
    pairs += [] if options.dataset is None else [f"dataset={options.dataset}"]
    pairs += [] if options.steps is None else [f"steps={options.steps}"]
    config = training_config(pairs + [f"model.{pair}" for pair in own])
    config.name = f"memory-{model.replace(':', '-')}-{config.steps}-{config.seed}"
    return config


def _trained(config: TrainConfig) -> Path:
    folder = Path(config.output) / config.env / config.name
    model = folder / "model.pt"
    return model if model.exists() else train(config, resume=(folder / "config.yaml").exists()).model_file


def _measure(policy: PolicyModel, config: TrainConfig, options: Options, past: int | None) -> Measured:
    spec = load_environment_spec(options.env)
    scores = evaluate(policy, spec, policy.return_target, options.episodes, options.first_episode, past).scores
    model, events = policy.model.eval(), program_events(policy.model)
    losses, synops = [], []
    for batch in _batches(policy, config, past):
        spikes: dict[str, torch.Tensor] = {}
        with torch.no_grad():
            actions = model(batch.states, batch.previous_actions, batch.returns_to_go, batch.mask, spikes, batch.steps)
            losses.append(float((actions - batch.actions)[:, -1].square().mean()))
            synops += [float(events.count(spikes, batch.mask).synops)] if events else []
    return Measured(float(np.mean(losses)), float(np.mean(synops)) if synops else None, estimate_mean(list(scores)))


def _batches(policy: PolicyModel, config: TrainConfig, past: int | None) -> Iterator[Batch]:
    """The same windows of the dataset for every model, with their last ``past`` tokens."""
    spec = load_environment_spec(config.env)
    dataset = open_dataset(spec, Path(config.dataset) if config.dataset else None)
    context = past or policy.model.config.context
    windows = TokenWindows(dataset, policy.normalisation, context, best_share=config.best_share)
    for number in range(BATCHES):
        yield windows.batch(config.seed, config.steps + number, WINDOWS)


def _row(name: str, title: str, measured: Measured) -> str:
    score = measured.score
    interval = f"{score.mean:.1f} ({score.low:.1f} … {score.high:.1f})"
    synops = "—" if measured.synops is None else f"{measured.synops:,.0f}"
    return f"{name:<34}{title:<6}{measured.loss:>8.4f}{interval:>26}{synops:>20}"


if __name__ == "__main__":
    sys.exit(run_command(main, "memory"))
