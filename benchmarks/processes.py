"""Is a policy right, or refused, wherever its process goes? Each backend, forked, spawned and in threads.

    python -m benchmarks.processes [backends=interpreter,loihi-fast,torch,loihi-sim,…] [ways=forked,…] [runs=50]

A policy is opened here and then used

- in two processes that are forked, at once, each on another episode;
- in two that are spawned, to which it is pickled;
- in two threads, at once.

A run is right where both have the actions that the policy gives alone, to the bit, and refused where one sentence says
why not and the other is right or refused too. Anything else is wrong, and the status is 1.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import Barrier

import numpy as np

from dsf_common.errors import GateFailed, UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.progress import Progress
from dsf_common.text_table import text_table
from neuro_runtime import Policy, load_policy

RIGHT, REFUSED, WRONG = "right", "refused", "wrong"
EPISODES = (0, 1)  # of random observations, by seed
DECISIONS = 6
LONGEST_WAIT_S = 300.0

Actions = tuple[tuple[float, ...], ...]


@dataclass
class Options:
    """The backends, the policy, and how often."""

    backends: str = "interpreter,loihi-fast,torch,loihi-sim,nengo-loihi"  # with commas
    env: str = "pendulum"  # whose shipped policy is used
    ways: str = "forked,spawned,threads"  # with commas
    runs: int = 50  # of each backend and way


def main(argv: list[str]) -> int:
    """Count the outcomes and print them."""
    options = compose(Options, argv)
    rows: list[tuple[str, ...]] = [("backend, way", RIGHT, REFUSED, WRONG)]
    wrong = 0
    for backend in options.backends.split(","):
        for way in options.ways.split(","):
            outcomes: Counter[str] = Counter()
            with Progress(options.runs, f"{backend}, {way}", "run") as progress:
                for _ in range(options.runs):
                    outcomes[outcome(options.env, backend, WAYS[way])] += 1
                    progress.update()
            rows.append((f"{backend}, {way}", *(str(outcomes[kind]) for kind in (RIGHT, REFUSED, WRONG))))
            wrong += outcomes[WRONG]
    print(text_table(rows))
    if wrong:
        raise GateFailed(f"{wrong} runs were wrong")
    return 0


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


if __name__ == "__main__":
    sys.exit(run_command(main, "processes"))
