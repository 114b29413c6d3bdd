"""Does 8-bit arithmetic cost a policy anything? The same episodes in float and in fixed point, paired by seed.

    python -m benchmarks.float_against_fixed [env=pen-e] [policy=FILE_OR_FOLDER] [episodes=100] [seed=10000]

Float is the trained model recomputing its window in PyTorch; fixed point is the exported program, streamed by
loihi-fast, whose spikes are Lava's (`dsf-run --backend loihi-sim --check`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from tqdm import tqdm

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.statistics import MeanEstimate, estimate_mean
from dsf_models.checkpoint import load_model_file
from dsf_train.evaluation import EVALUATION_SEED, evaluate
from neuro_runtime.backends.loihi_fast import open_backend
from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.episodes.policy_lanes import PolicyLanes
from neuro_runtime.episodes.rollout import run_episodes_in_lanes
from neuro_runtime.policy_files import find_policy

LANES = 32


@dataclass
class Options:
    """The policy to compare, and its episodes."""

    env: str = "pen-e"
    policy: str | None = None  # the one that ships with the environment
    episodes: int = 100
    seed: int = EVALUATION_SEED


def main(argv: list[str]) -> int:
    """Run both and print the paired difference."""
    options = compose(Options, argv)
    policy = options.policy or options.env
    float_scores = _float_scores(options, policy)
    fixed_scores = _fixed_scores(options, policy)
    difference = estimate_mean([fixed - exact for fixed, exact in zip(fixed_scores, float_scores, strict=True)])
    print(f"{options.env}, {options.episodes} episodes, seeds {options.seed} …, normalised scores\n")
    print(_row("float, window, PyTorch", estimate_mean(float_scores)))
    print(_row("fixed point, stream", estimate_mean(fixed_scores)))
    print(_row("fixed − float, paired", difference))
    return 0


def _float_scores(options: Options, policy: str) -> list[float]:
    model, spec = load_model_file(find_policy(policy).need_model()), load_environment_spec(options.env)
    with tqdm(desc="float", unit="step", total=spec.time_limit) as progress:
        scores = evaluate(
            model,
            spec,
            model.return_target,
            options.episodes,
            seed=options.seed,
            on_step=lambda: progress.update(),
        )
    return list(scores.scores)


def _fixed_scores(options: Options, policy: str) -> list[float]:
    spec = load_environment_spec(options.env)
    environments = [make_environment(options.env) for _ in range(min(options.episodes, LANES))]
    backend = open_backend(find_policy(policy))
    with tqdm(desc="fixed", unit="decision", total=options.episodes * spec.time_limit) as progress:
        rollout = run_episodes_in_lanes(
            PolicyLanes(backend, len(environments)),
            environments,
            spec,
            episodes=options.episodes,
            seed=options.seed,
            return_target=backend.return_target,
            on_step=lambda: progress.update(),
        )
    for environment in environments:
        environment.close()
    return [episode.score for episode in rollout.episodes]


def _row(title: str, estimate: MeanEstimate) -> str:
    interval = "" if estimate.low is None else f"   95 % interval {estimate.low:8.2f} … {estimate.high:.2f}"
    return f"{title:<24}{estimate.mean:8.2f}{interval}"


if __name__ == "__main__":
    sys.exit(run_command(main, "float_against_fixed"))
