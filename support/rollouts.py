"""A program's episodes on loihi-fast, many at once, as benchmarks score it."""

from __future__ import annotations

from collections.abc import Callable

from neuro_runtime.backends.loihi_fast import LoihiFastBackend
from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.environments.closing import closing
from neuro_runtime.episodes.policy_lanes import PolicyLanes
from neuro_runtime.episodes.rollout import Rollout, nothing, run_episodes_in_lanes

LANES = 32


def rollout_in_lanes(
    backend: LoihiFastBackend, environment: str, episodes: int, seed: int, on_step: Callable[[], object] = nothing
) -> Rollout:
    """Run ``episodes`` from ``seed`` on, with the policy's own return target."""
    environments = [make_environment(environment) for _ in range(min(episodes, LANES))]
    with closing(*environments):
        return run_episodes_in_lanes(
            PolicyLanes(backend, len(environments)),
            environments,
            load_environment_spec(environment),
            episodes=episodes,
            seed=seed,
            return_target=backend.return_target,
            on_step=on_step,
        )
