"""The decisions that parity compares stages on: tokens that the policy itself met in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_common.memory import require_memory
from neuro_runtime.backends.base import Backend, action_bounds_of
from neuro_runtime.environments import make_environment
from neuro_runtime.environments.closing import closing
from neuro_runtime.episodes.closed_loop import Environment, EpisodeUnderWay, run_closed_loop
from neuro_runtime.episodes.episode_tokens import EpisodeTokens
from neuro_runtime.token import Token

SEED = 20_000  # of the first episode that stages are compared on; evaluations begin elsewhere
CHOICE_SEED = 30_000  # of the first episode that the quantisation is chosen on
EPISODE_AT_MOST = 50  # decisions: many beginnings have more to say than one long end


def require_room_for_decisions(decisions: int, bytes_a_decision: int) -> None:
    """Refuse to compare more decisions than the machine's memory holds.

    Raises
    ------
    UserError
        They take more.
    """
    require_memory(decisions * bytes_a_decision, f"comparing {decisions:,} decisions")


@dataclass(frozen=True)
class Recording:
    """Tokens of one or more episodes, in order, and a phrase that says where they are from."""

    origin: str
    episodes: tuple[tuple[Token, ...], ...]

    @property
    def decisions(self) -> int:
        """Tokens in all."""
        return sum(len(episode) for episode in self.episodes)


@dataclass(frozen=True, eq=False)
class StateSpread:
    """Mean and standard deviation of a policy's observations, (obs,) each."""

    mean: NDArray[np.floating[Any]]
    deviation: NDArray[np.floating[Any]]


def record(
    backend: Backend, spread: StateSpread, decisions: int, seed: int = SEED, longest: int = EPISODE_AT_MOST
) -> Recording:
    """``decisions`` tokens of ``backend`` in closed loop, or made-up ones where its environment cannot be made here.

    The first ``longest`` tokens of each episode are taken; the n-th begins from seed ``seed + n``.
    """
    try:
        environment = make_environment(backend.environment, action_bounds=action_bounds_of(backend))
    except UserError as problem:
        return made_up_tokens(backend, spread, decisions, reason=str(problem), episode_length=longest, seed=seed)
    episodes: list[tuple[Token, ...]] = []
    missing = decisions
    with closing(environment):
        while missing:
            at_most = min(missing, longest)
            episodes.append(record_episode(backend, environment, seed + len(episodes), at_most))
            missing -= len(episodes[-1])
    return Recording(f"{backend.environment} in closed loop", tuple(episodes))


def made_up_tokens(
    backend: Backend,
    spread: StateSpread,
    decisions: int,
    reason: str,
    episode_length: int = EPISODE_AT_MOST,
    seed: int = SEED,
) -> Recording:
    """Random walks of the observations' spread, random actions, and returns-to-go that fall to 0."""
    random = np.random.default_rng(seed)
    walk = np.zeros((decisions, backend.observation_size))
    for n in range(decisions):
        walk[n] = 0.9 * walk[n - 1] + 0.44 * random.standard_normal(backend.observation_size)  # variance 1
    tokens = [
        Token(
            state=spread.mean + spread.deviation * step,
            previous_action=random.uniform(-1, 1, backend.action_size),
            return_to_go=backend.return_target * (1 - n % episode_length / episode_length),
        )
        for n, step in enumerate(walk)
    ]
    episodes = tuple(tuple(tokens[n : n + episode_length]) for n in range(0, decisions, episode_length))
    return Recording(f"made up, since {reason}", episodes)


def record_episode(backend: Backend, environment: Environment, seed: int, at_most: int | None) -> tuple[Token, ...]:
    """The tokens of one episode of ``backend``, or its first ``at_most``."""
    tokens: list[Token] = []
    episode_tokens = EpisodeTokens(
        backend.return_target,
        backend.observation_size,
        backend.action_size,
        backend.environment,
        action_bounds_of(backend),
    )

    def act(running: Mapping[int, EpisodeUnderWay]) -> list[NDArray[np.float64]]:
        tokens.append(episode_tokens.token(running[0].observation, running[0].reward))
        action = backend.decide(tokens[-1]).action
        episode_tokens.acted(action)
        return [action]

    run_closed_loop([environment], [seed], act, begin=lambda lane: backend.reset(), at_most=at_most)
    return tuple(tokens)
