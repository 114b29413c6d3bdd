"""Does a policy outlive an outlier? Float and fixed-point scores with one parameter of a layer made huge.

    python -m benchmarks.outliers [env=pendulum] [policy=FILE_OR_FOLDER] [layer=NAME] [outlier=weight] [episodes=20]

One weight or bias is set to 30, 100, 300, 1,000 and 1,000,000; the weights of one neuron, or the gain of its
normalisation (its learned threshold), are multiplied by as much. Each policy is exported as dsf-export does, or
refused; then the float model and the program steer the same episodes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.statistics import estimate_mean
from dsf_common.text_table import text_table
from dsf_export.lost_layers import refuse_lost_layers
from dsf_export.pipeline import from_policy
from dsf_models.checkpoint import PolicyModel, load_model_file
from dsf_train.evaluation import EVALUATION_SEED, evaluate
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.episodes.rollout import run_episodes
from neuro_runtime.policy import Policy
from neuro_runtime.policy_files import find_policy
from neuro_runtime.program.program import Program
from neuro_runtime.program.weight_format import DEFAULT_FORMAT
from neuro_runtime.simulators.loihi_fast import LoihiFast
from support.outliers import OUTLIERS, with_outlier

HEADER = ("outlier", "factor", "float", "fixed point", "fixed − float", "least agreement", "limited or refused")
FACTORS = (30.0, 100.0, 300.0, 1000.0, 1e6)
DECISIONS = 200


@dataclass
class Options:
    """The policy, the layer that gets an outlier, and the episodes."""

    env: str = "pendulum"
    policy: str | None = None  # the one that ships with the environment
    layer: str = "blocks.0.mlp.hidden"
    outlier: str | None = None  # all: a weight, row, bias, threshold
    episodes: int = 20
    seed: int = EVALUATION_SEED


def main(argv: list[str]) -> int:
    """Print one row an outlier."""
    options = compose(Options, argv)
    policy = load_model_file(find_policy(options.policy or options.env).need_model())
    print(text_table([HEADER, *_rows(policy, options)]))
    return 0


def _rows(policy: PolicyModel, options: Options) -> Iterator[tuple[str, ...]]:
    for what in [options.outlier] if options.outlier else OUTLIERS:
        for factor in FACTORS:
            changed = with_outlier(policy, options.layer, what, factor)
            yield what, f"{factor:,.0f}", *_cells(changed, options)


def _cells(policy: PolicyModel, options: Options) -> tuple[str, ...]:
    spec = load_environment_spec(options.env)
    exact = evaluate(policy, spec, policy.return_target, options.episodes, seed=options.seed).scores
    try:
        candidate = from_policy(policy, {}, DECISIONS)
        refuse_lost_layers(candidate.layers, DEFAULT_FORMAT)
    except UserError as refusal:
        return f"{exact.mean():.1f}", "–", "–", "–", str(refusal)
    fixed = _scores(candidate.program, options)
    difference = estimate_mean([one - other for one, other in zip(fixed, exact.tolist(), strict=True)])
    least = min(layer.in_program.agreement for layer in candidate.layers if layer.in_program)
    limited = [layer.layer for layer in candidate.layers if layer.reach and layer.reach.limited]
    return (
        f"{exact.mean():.1f}",
        f"{estimate_mean(fixed).mean:.1f}",
        f"{difference.mean:.1f} ({difference.low:.1f} … {difference.high:.1f})",
        f"{least:.2%}",
        ", ".join(limited) or "–",
    )


def _scores(program: Program, options: Options) -> list[float]:
    environment = make_environment(options.env)
    rollout = run_episodes(
        Policy(ProgramBackend(program, LoihiFast(program))),
        environment,
        load_environment_spec(options.env),
        episodes=options.episodes,
        seed=options.seed,
        return_target=program.return_target,
    )
    environment.close()
    return [episode.score for episode in rollout.episodes]


if __name__ == "__main__":
    sys.exit(run_command(main, "outliers"))
