"""What does a policy cost beside its environment? Steps a second with it in the loop, and of the environment alone.

    python -m benchmarks.closed_loop [env=pen-e] [policy=FOLDER] [episodes=5] [lanes=32] [rounds=7]

The environment alone repeats the actions that the policy took, so that its physics is the same. In lanes, as many
episodes run side by side, and the environments are still stepped one after the other.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from dsf_export import torch_backend
from dsf_train.evaluation import EVALUATION_SEED
from neuro_runtime.backends import loihi_fast
from neuro_runtime.backends.base import Backend
from neuro_runtime.environments import EnvironmentSpec, load_environment_spec, make_environment
from neuro_runtime.episodes.closed_loop import Environment, EpisodeUnderWay
from neuro_runtime.episodes.policy_lanes import PolicyLanes
from neuro_runtime.episodes.rollout import Episode, Rollout, run_episodes, run_episodes_in_lanes
from neuro_runtime.policy import Policy
from neuro_runtime.policy_files import find_policy
from support.timing import Times, Work, take_turns

ALONE, FAST, LANES, WINDOW = "environment alone", "loihi-fast", "loihi-fast in lanes", "torch, window"


@dataclass
class Options:
    """The policy to time, episodes a round, lanes, and rounds."""

    env: str = "pen-e"
    policy: str | None = None  # the one that ships with the environment
    episodes: int = 5
    lanes: int = 32
    rounds: int = 7


@dataclass(frozen=True, eq=False)
class Loop:
    """A closed loop to time."""

    spec: EnvironmentSpec
    environments: Sequence[Environment]
    episodes: int

    def with_backend(self, backend: Backend) -> Rollout:
        """Episodes one after another."""
        return run_episodes(
            Policy(backend),
            self.environments[0],
            self.spec,
            episodes=self.episodes,
            seed=EVALUATION_SEED,
            return_target=backend.return_target,
        )

    def in_lanes(self, policy: PolicyLanes, return_target: float) -> Rollout:
        """One episode a lane, side by side."""
        return run_episodes_in_lanes(
            policy,
            self.environments,
            self.spec,
            episodes=len(self.environments),
            seed=EVALUATION_SEED,
            return_target=return_target,
        )

    def alone(self, episodes: Sequence[Episode]) -> int:
        """The environment with the actions of ``episodes``; how many there were."""
        environment = self.environments[0]
        for episode in episodes:
            under_way = EpisodeUnderWay(environment, episode.seed)
            for action in episode.actions:
                under_way.step(action)
        return _decisions(episodes)


def main(argv: list[str]) -> int:
    """Time all loops in turns and print steps a second."""
    options = compose(Options, argv)
    torch.set_num_threads(1)
    files = find_policy(options.policy or options.env)
    fast, window = loihi_fast.open_policy(files), torch_backend.open_backend(files)
    loop = Loop(
        load_environment_spec(options.env),
        [make_environment(options.env) for _ in range(options.lanes)],
        options.episodes,
    )
    lanes = PolicyLanes(fast, options.lanes)
    episodes = loop.with_backend(fast).episodes

    def counted(rollout: Rollout) -> int:
        return _decisions(rollout.episodes)

    ways: dict[str, Work] = {
        ALONE: lambda: loop.alone(episodes),
        FAST: lambda: counted(loop.with_backend(fast)),
        LANES: lambda: counted(loop.in_lanes(lanes, fast.return_target)),
        WINDOW: lambda: counted(loop.with_backend(window)),
    }
    times = take_turns(ways, options.rounds)
    print(f"{options.env}, environment steps, median of {options.rounds} rounds; {options.lanes} lanes\n")
    header = ("in the loop", "steps a second", "a step", "the policy", "of an environment step")
    print(text_table([header, *(_cells(times, way) for way in ways)]))
    for environment in loop.environments:
        environment.close()
    return 0


def _decisions(episodes: Sequence[Episode]) -> int:
    return sum(episode.steps for episode in episodes)


def _cells(times: Times, way: str) -> tuple[str, ...]:
    step, policy = times.typical(way), times.typical(way) - times.typical(ALONE)
    share = "" if way == ALONE else f"{times.ratio(way, to=ALONE) - 1:.0%}"
    return way, f"{1 / step:,.0f}", f"{1e6 * step:,.0f} µs", "" if way == ALONE else f"{1e6 * policy:,.0f} µs", share


if __name__ == "__main__":
    sys.exit(run_command(main, "closed_loop"))
