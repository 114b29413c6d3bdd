"""A program steered through an environment for a number of decisions, and everything that happens in it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.environments import make_environment
from neuro_runtime.policy import Policy
from neuro_runtime.program.program import Program
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.simulator import NeuronRecording, SimulatedDecision, Simulator, Values


def steer(program: Program, simulator: Simulator, decisions: int, seed: int) -> None:
    """Steer the program's environment; episodes that end are followed by those of the next seeds."""
    policy = Policy(ProgramBackend(program, simulator))
    over, reward, observation = True, 0.0, np.zeros(0)
    with closing(make_environment(program.environment)) as environment:
        for _ in range(decisions):
            if over:
                observation, _ = environment.reset(seed=seed)
                policy.reset(program.return_target)
                reward, seed = 0.0, seed + 1
            action = policy.act(observation, reward, normalised=True)
            observation, earned, terminated, truncated, _ = environment.step(action)
            reward, over = float(earned), terminated or truncated


@dataclass(frozen=True, eq=False)
class Recording:
    """A run of a loihi program within one episode.

    Attributes
    ----------
    currents
        The host's, (decisions, D).
    decisions
        What the interpreter made of them.
    spikes
        Of every node that spikes, (time steps, size).
    states
        u and v of every node that has them, (time steps, size) each.
    """

    currents: NDArray[np.int64]
    decisions: Sequence[SimulatedDecision]
    spikes: dict[str, NDArray[np.bool_]]
    states: dict[str, tuple[Values, Values]]


def record_closed_loop(program: Program, decisions: int, seed: int) -> Recording:
    """Steer the program's environment by the interpreter and keep everything.

    Raises
    ------
    UserError
        The episode ends before.
    """
    recorder = _Recorder(program)
    steer(program, recorder, decisions, seed)
    parts = recorder.parts
    return Recording(
        np.array(recorder.currents),
        recorder.decisions,
        {node: np.concatenate([part.spikes[node] for part in parts]) for node in parts[0].spikes},
        {
            node: (
                np.concatenate([part.currents[node] for part in parts]),
                np.concatenate([part.voltages[node] for part in parts]),
            )
            for node in parts[0].voltages
        },
    )


class _Recorder:
    """An interpreter that keeps everything."""

    def __init__(self, program: Program) -> None:
        self._interpreter = Interpreter(program)
        self.currents: list[Values] = []
        self.decisions: list[SimulatedDecision] = []
        self.parts: list[NeuronRecording] = []

    def reset(self) -> None:
        if self.decisions:
            raise UserError(f"the episode ends after {len(self.decisions)} decisions: give no more by decisions=")
        self._interpreter.reset()

    def decide(self, current: Values, record: bool = False) -> SimulatedDecision:
        decision = self._interpreter.decide(current, record=True)
        assert decision.recording is not None
        self.currents.append(np.asarray(current, dtype=np.int64))
        self.decisions.append(decision)
        self.parts.append(decision.recording)
        return decision
