"""What does a policy lose when its position weights of pairs of places become weights of distances, so that it streams?

    python -m benchmarks.relative_position [envs=pendulum,pendulum-hidden] [steps=2000] [episodes=100]

For each environment PSSA of two blocks with model.position_bias=pairwise is trained by the recipe, turned into
model.position_bias=relative as `dsf-train --import-published --relative` does, and fine-tuned with quantise=true, that
is through Loihi's weights. A policy of one block would lose nothing, as its decisions read the last row of P alone.
Scores are of the same episodes, differences are paired, with 95 % intervals.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.statistics import MeanEstimate, estimate_mean
from dsf_models.checkpoint import PolicyModel, load_model_file, save_model_file
from dsf_models.dsformer import DSFormer
from dsf_models.relative_position import with_relative_position
from dsf_train.evaluation import evaluate
from dsf_train.run_options import training_config
from dsf_train.trainer import train
from neuro_runtime.environments import load_environment_spec

HEADER = "| Environment | Position weights | Score | Paired with the first |\n|---|---|---|---|"


@dataclass
class Options:
    """Where, for how long, and the folder of the runs."""

    envs: str = "pendulum,pendulum-hidden"
    steps: int = 2000
    tuning_steps: int = 500
    episodes: int = 100
    seed: int = 0
    output: str = "runs-relative-position"


def main(argv: list[str]) -> int:
    """Print three rows an environment."""
    options = compose(Options, argv)
    print(HEADER)
    for env in options.envs.split(","):
        policies = _policies(env, options)
        scores = {title: _scores(policy, options.episodes) for title, policy in policies.items()}
        first = next(iter(scores.values()))
        for title, values in scores.items():
            paired = "" if values is first else _text(estimate_mean((values - first).tolist()))
            print(f"| `{env}` | {title} | {_text(estimate_mean(values.tolist()))} | {paired} |", flush=True)
    return 0


def _policies(env: str, options: Options) -> dict[str, PolicyModel]:
    run = [f"env={env}", f"output={options.output}", f"seed={options.seed}", "evaluate_every=0", "final_episodes=2"]
    pairwise = [
        *("model.mixing=pssa", "model.position_bias=pairwise", "model.streaming=false"),
        *("model.blocks=2", "model.context=8", "model.window=4"),
    ]
    trained = train(training_config([*run, *pairwise, f"steps={options.steps}", "name=pairwise"]), overwrite=True)
    before = load_model_file(trained.model_file)
    after = replace(before, model=with_relative_position(cast(DSFormer, before.model)))
    start = Path(options.output) / "relative.pt"
    save_model_file(start, after)
    tuning = [*run, "quantise=true", f"policy={start}", f"steps={options.tuning_steps}", "name=tuned"]
    tuned = load_model_file(train(training_config(tuning), overwrite=True).model_file)
    return {"pairs of places": before, "distances": after, "distances, fine-tuned": tuned}


def _scores(policy: PolicyModel, episodes: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return evaluate(policy, load_environment_spec(policy.environment), policy.return_target, episodes).scores


def _text(estimate: MeanEstimate) -> str:
    return f"{estimate.mean:.1f} ({estimate.low:.1f} … {estimate.high:.1f})"


if __name__ == "__main__":
    sys.exit(run_command(main, "relative_position"))
