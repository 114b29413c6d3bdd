"""Does a token mixing use its past? `pendulum-hidden` cannot be solved without, so each policy is also run with none.

    python -m benchmarks.memory [mixings=delay,pssa] [steps=N] [episodes=100] [seed=0]

Trains each mixing with the environment's recipe (or goes on with, or reuses, an earlier run in `runs/`), then scores it
as it is and with its window cut to the present token.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from neuro_runtime.command_line import compose, run_command
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.statistics import MeanEstimate, estimate_mean
from train.checkpoint import load_model_file
from train.command_train import training_config
from train.evaluation import evaluate
from train.trainer import train

ENVIRONMENT = "pendulum-hidden"


@dataclass
class Options:
    """What to compare."""

    mixings: str = "delay,pssa"
    steps: int | None = None  # the recipe's
    episodes: int = 100
    seed: int = 0
    output: str = "runs"


def main(argv: list[str]) -> int:
    """Train what is missing, score all, print the table."""
    options = compose(Options, argv)
    models = {mixing: _trained(mixing, options) for mixing in options.mixings.split(",")}
    print(f"{ENVIRONMENT}, {options.episodes} episodes, normalised score (0 random, 100 demonstrator)\n")
    print(f"{'mixing':<10}{'with its past':>30}{'past cut off':>30}")
    for mixing, model in models.items():
        print(f"{mixing:<10}{_score(model, options, None):>30}{_score(model, options, 1):>30}")
    return 0


def _trained(mixing: str, options: Options) -> Path:
    steps = [] if options.steps is None else [f"steps={options.steps}"]
    config = training_config(
        [
            f"env={ENVIRONMENT}",
            f"name=memory-{mixing}",
            f"output={options.output}",
            f"seed={options.seed}",
            f"model.mixing={mixing}",
            *steps,
        ]
    )
    folder = Path(config.output) / ENVIRONMENT / config.name
    model = folder / "model.pt"
    return model if model.exists() else train(config, resume=(folder / "config.yaml").exists()).model_file


def _score(model: Path, options: Options, past: int | None) -> str:
    policy, spec = load_model_file(model), load_environment_spec(ENVIRONMENT)
    return _cell(estimate_mean(list(evaluate(policy, spec, policy.return_target, options.episodes, past=past).scores)))


def _cell(estimate: MeanEstimate) -> str:
    return f"{estimate.mean:.1f} ({estimate.low:.1f} … {estimate.high:.1f})"


if __name__ == "__main__":
    sys.exit(run_command(main, "memory"))
