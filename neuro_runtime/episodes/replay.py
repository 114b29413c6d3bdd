"""An early decision of a finished run once more, by the interpreter, to write down every spike."""

from __future__ import annotations

import logging
from typing import Any

from numpy.typing import NDArray

from hw_profiles.raster_file import SpikeRaster
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.episodes.closed_loop import Environment, run_closed_loop
from neuro_runtime.episodes.rollout import Episode
from neuro_runtime.policy import Policy
from neuro_runtime.program.program import Program
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.simulator import NeuronRecording, SimulatedDecision

logger = logging.getLogger(__name__)

# The eighth: with a window of 8 tokens (the paper's), the attention has a full past, and the replay is still short.
RECORDED_DECISION = 7


def replay_raster(
    program: Program, environment: Environment, episode: Episode, return_target: float
) -> SpikeRaster | None:
    """The spikes of an early decision of ``episode``.

    None if the program has no neuron that spikes, or (and a warning) if they are not those of the run.

    Parameters
    ----------
    program
        The program that was run.
    environment
        An environment of the run's kind; it is reset, and stays open.
    episode
        An episode of the run.
    return_target
        Return-to-go of its first step, in raw reward.
    """
    decision = min(RECORDED_DECISION, episode.steps - 1)
    recorder = _Recorder(program)
    policy = Policy(ProgramBackend(program, recorder))
    run_closed_loop(
        [environment],
        [episode.seed],
        lambda running: [policy.act(running[0].observation, running[0].reward, normalised=True)],
        begin=lambda lane: policy.reset(return_target),
        at_most=decision + 1,
    )
    if recorder.last is None or dict(policy.activity.spikes) != dict(episode.activities[decision].spikes):
        logger.warning("no raster: decision %d fired other spikes when it was replayed than in the run", decision)
        return None
    if not recorder.last.spikes:
        return None
    return SpikeRaster(episode.seed, decision, recorder.last.spikes)


class _Recorder:
    """The interpreter, and everything its last decision did."""

    def __init__(self, program: Program) -> None:
        self._interpreter = Interpreter(program)
        self.last: NeuronRecording | None = None

    def reset(self) -> None:
        self._interpreter.reset()

    def decide(self, current: NDArray[Any], record: bool = True) -> SimulatedDecision:
        decision = self._interpreter.decide(current, record=True)
        self.last = decision.recording
        return decision
