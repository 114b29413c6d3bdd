"""A policy in another process or thread: right, refused, or wrong."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from threading import Barrier

import numpy as np

from dsf_common.errors import UserError
from neuro_runtime import Policy, load_policy

RIGHT, REFUSED, WRONG = "right", "refused", "wrong"
EPISODES = (0, 1)  # of random observations, by seed
DECISIONS = 6
LONGEST_WAIT_S = 300.0

Actions = tuple[tuple[float, ...], ...]
Use = Callable[[Policy], list[Actions | str]]


def outcome(name: str, backend: str, use: Use) -> str:
    """Open a policy, see what it does alone, and how it is elsewhere."""
    with load_policy(name, backend) as policy:
        expected = [actions_of(policy, episode) for episode in EPISODES]
        policy.reset()
        found = use(policy)
    if all(answer == right for answer, right in zip(found, expected, strict=True)):
        return RIGHT
    refused = all(isinstance(answer, str) or answer == right for answer, right in zip(found, expected, strict=True))
    return REFUSED if refused else WRONG


def actions_of(policy: Policy, episode: int) -> Actions:
    """The policy's actions for the observations of an episode."""
    random = np.random.default_rng(episode)
    policy.reset()
    observations = random.normal(size=(DECISIONS, policy.observation_size))
    return tuple(tuple(map(float, policy.act(observation, -1.0))) for observation in observations)


def answer_of(policy: Policy, episode: int) -> Actions | str:
    """The actions, or the sentence that refuses them."""
    try:
        return actions_of(policy, episode)
    except UserError as problem:
        return str(problem)


def in_processes(method: str) -> Use:
    """Use the policy in two processes that are started by ``method``."""
    context = multiprocessing.get_context(method)

    def use(policy: Policy) -> list[Actions | str]:
        found: list[Actions | str] = []
        processes = []
        for episode in EPISODES:
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_send_answer, args=(theirs, policy, episode))  # type: ignore[attr-defined]
            process.start()
            theirs.close()
            processes.append((process, ours))
        for process, ours in processes:
            found.append(_received(ours))
            process.join(LONGEST_WAIT_S)
            process.kill()
        return found

    return use


def _received(connection: Connection) -> Actions | str:
    """The answer; no actions, which is wrong, where the other end has gone without a word or says nothing."""
    try:
        answer: Actions | str = connection.recv() if connection.poll(LONGEST_WAIT_S) else ()
    except EOFError:
        return ()
    return answer


def _send_answer(connection: Connection, policy: Policy, episode: int) -> None:
    connection.send(answer_of(policy, episode))
    connection.close()


def in_threads(policy: Policy) -> list[Actions | str]:
    """Use the policy in two threads at once."""
    together = Barrier(len(EPISODES))

    def answer(episode: int) -> Actions | str:
        together.wait()
        return answer_of(policy, episode)

    with ThreadPoolExecutor(len(EPISODES)) as threads:
        return list(threads.map(answer, EPISODES))


WAYS: dict[str, Use] = {"forked": in_processes("fork"), "spawned": in_processes("spawn"), "threads": in_threads}
