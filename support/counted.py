"""The counted activity of a policy in closed loop, and its network: the energy benchmarks price them."""

from __future__ import annotations

from dataclasses import dataclass

from dsf_common.errors import UserError
from dsf_train.evaluation import EVALUATION_SEED
from hw_profiles.activity import ActivityCounts
from hw_profiles.network import ChipNetwork
from neuro_runtime.activity import mean_counts
from neuro_runtime.backends.base import action_bounds_of
from neuro_runtime.backends.loihi_fast import LoihiFastBackend
from neuro_runtime.chip_network import chip_network
from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.episodes.rollout import run_episodes
from neuro_runtime.policy import Policy
from neuro_runtime.policy_files import find_policy
from neuro_runtime.program.program import Program
from neuro_runtime.program.storage import load_program


@dataclass(frozen=True, eq=False)
class CountedRun:
    """The mean decision of ``decisions``, and the network in the stream layout."""

    counts: ActivityCounts
    network: ChipNetwork
    decisions: int


def counted_run(env: str, policy: str | None, episodes: int) -> CountedRun:
    """Run a policy's program on loihi-fast, episodes seeded from the evaluation's first seed on.

    Raises
    ------
    UserError
        There is no such policy or environment, or no episode is asked for.
    """
    if episodes < 1:
        raise UserError(f"episodes must be at least 1, got {episodes}")
    return counted_program(load_program(find_policy(policy or env).need_program()), env, episodes)


def counted_program(program: Program, env: str, episodes: int) -> CountedRun:
    """Run a program likewise."""
    backend = LoihiFastBackend(program)
    environment = make_environment(env, action_bounds=action_bounds_of(backend))
    try:
        rollout = run_episodes(
            Policy(backend),
            environment,
            load_environment_spec(env),
            episodes=episodes,
            seed=EVALUATION_SEED,
            return_target=backend.return_target,
        )
    finally:
        environment.close()
    counts = mean_counts(rollout.activities, by_population=True)
    return CountedRun(counts, chip_network(program), len(rollout.seconds))
