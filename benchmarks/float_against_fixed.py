"""Does 8-bit arithmetic cost a policy anything? The same episodes in float and in fixed point, paired by seed.

    python -m benchmarks.float_against_fixed [env=pen-e] [policy=FILE_OR_FOLDER] [before=FILE] [episodes=100] [seed=N]

Float is the trained model recomputing its window in PyTorch; fixed point is the exported program, streamed by
loihi-fast, whose spikes are Lava's (`dsf-run --backend loihi-sim --check`). With before= another program of the policy
takes the place of float. The first episode is that of seed 10000.
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
from neuro_runtime.backends.loihi_fast import open_policy
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.policy_files import find_policy
from support.rollouts import rollout_in_lanes

FLOAT_TITLES = ("float, window, PyTorch", "fixed point, stream", "fixed − float, paired")


@dataclass
class Options:
    """The policy to compare, and its episodes."""

    env: str = "pen-e"
    policy: str | None = None  # the one that ships with the environment
    before: str | None = None  # the trained model
    episodes: int = 100
    seed: int = EVALUATION_SEED


def main(argv: list[str]) -> int:
    """Run both and print the paired difference."""
    options = compose(Options, argv)
    policy = options.policy or options.env
    titles = ("before", "after", "after − before, paired") if options.before else FLOAT_TITLES
    first = _fixed_scores(options, options.before) if options.before else _float_scores(options, policy)
    second = _fixed_scores(options, policy)
    difference = [after - before for before, after in zip(first, second, strict=True)]
    print(f"{options.env}, {options.episodes} episodes, seeds {options.seed} …, normalised scores\n")
    for title, scores in zip(titles, (first, second, difference), strict=True):
        print(_row(title, estimate_mean(scores)))
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
    spec, backend = load_environment_spec(options.env), open_policy(find_policy(policy))
    with tqdm(desc="fixed", unit="decision", total=options.episodes * spec.time_limit) as progress:
        rollout = rollout_in_lanes(backend, options.env, options.episodes, options.seed, lambda: progress.update())
    return [episode.score for episode in rollout.episodes]


def _row(title: str, estimate: MeanEstimate) -> str:
    interval = "" if estimate.low is None else f"   95 % interval {estimate.low:8.2f} … {estimate.high:.2f}"
    return f"{title:<24}{estimate.mean:8.2f}{interval}"


if __name__ == "__main__":
    sys.exit(run_command(main, "float_against_fixed"))
