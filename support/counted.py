"""The counted activity of a policy in closed loop, and its network: the energy benchmarks price them."""

from __future__ import annotations

from dataclasses import dataclass

from dsf_common.errors import UserError
from dsf_train.evaluation import EVALUATION_SEED
from hw_profiles.activity import ActivityCounts
from hw_profiles.network import ChipNetwork
from neuro_runtime.activity import mean_counts
from neuro_runtime.backends import loihi_fast
from neuro_runtime.chip_network import chip_network
from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.episodes.rollout import run_episodes
from neuro_runtime.policy import Policy
from neuro_runtime.policy_files import find_policy
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
    files = find_policy(policy or env)
    backend, environment = loihi_fast.open_backend(files), make_environment(env)
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
    return CountedRun(counts, chip_network(load_program(files.need_program())), len(rollout.seconds))
