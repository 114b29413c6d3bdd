"""Which neurons never fire while a policy steers, and whether those would have in episodes that chose nothing.

Neurons are chosen on two halves of the episodes: those whose v never comes above half of their threshold. A layer in
which one that the first half would choose fired in the second keeps all of its neurons, as there a record says too
little. The choice is then held against other episodes: the fuller program steers them, and the lean one runs beside
it on the same tokens.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_export.optimise.rewriting import Neurons
from dsf_export.recording import record_episode
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.environments import make_environment
from neuro_runtime.environments.closing import closing
from neuro_runtime.program.decay import effective_threshold
from neuro_runtime.program.nodes import Lif
from neuro_runtime.program.program import Program
from neuro_runtime.program.provenance import protocol_of
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.simulator import SimulatedDecision, Simulator

QUIET = 0.5  # of the threshold, which v of a neuron that goes never exceeds
EPISODES = 100  # to choose on, and as many others to hold the choice against
FIRST_SEED, SECOND_SEED, HELD_OUT_SEED = 30_000, 40_000, 70_000

Counts = dict[str, NDArray[np.int64]]  # spikes of each neuron, by node
OnEpisode = Callable[[], object]


@dataclass(frozen=True, eq=False)
class Silence:
    """Neurons that never fired, (size,) by node, and in how many decisions."""

    silent: Mapping[str, Neurons]
    decisions: int

    @property
    def neurons(self) -> int:
        """How many they are."""
        return sum(int(these.sum()) for these in self.silent.values())


@dataclass(frozen=True)
class HeldOut:
    """A lean program beside the fuller one, in episodes that chose nothing.

    Attributes
    ----------
    would_have_fired
        Spikes of the neurons that went, in the fuller program.
    different
        Decisions in which the two programs' actions differ, by a bit or more.
    """

    episodes: int
    decisions: int
    would_have_fired: int
    different: int

    @property
    def holds(self) -> bool:
        """Whether nothing that went was missed."""
        return not self.would_have_fired and not self.different


def record_silence(program: Program, episodes: int = EPISODES, on_episode: OnEpisode = lambda: None) -> Silence:
    """The LIF neurons of a loihi program that are quiet in ``episodes`` of its policy, but for careless layers.

    Raises
    ------
    UserError
        Its environment cannot be made here.
    """
    halves = []
    decisions = 0
    for seed, count in ((FIRST_SEED, episodes - episodes // 2), (SECOND_SEED, episodes // 2)):
        watched = _Watched(program)
        decisions += _steer(program, watched, seed, count, on_episode)
        halves.append(watched)
    first, second = halves
    silent: dict[str, Neurons] = {}
    for node in program.nodes:
        if isinstance(node, Lif):
            quiet = first.quiet(node)
            if not second.counts[node.name][quiet].any():
                silent[node.name] = quiet & second.quiet(node)
    return Silence({name: these for name, these in silent.items() if these.any()}, decisions)


def hold_out(
    fuller: Program,
    lean: Program,
    silence: Silence,
    episodes: int = EPISODES,
    on_episode: OnEpisode = lambda: None,
) -> HeldOut:
    """Whether the neurons of ``silence`` are missed in other episodes.

    Raises
    ------
    UserError
        The environment cannot be made here.
    """
    watched = _Watched(fuller, beside=lean)
    decisions = _steer(fuller, watched, HELD_OUT_SEED, episodes, on_episode)
    fired = sum(int(watched.counts[name][these].sum()) for name, these in silence.silent.items())
    return HeldOut(episodes, decisions, fired, watched.different)


class _Watched:
    """A simulator that counts every neuron's spikes, and asks another program the same."""

    def __init__(self, program: Program, beside: Program | None = None) -> None:
        self.counts: Counts = {node.name: np.zeros(node.size, dtype=np.int64) for node in program.nodes if node.spikes}
        self.different = 0
        self._highest = {name: np.zeros(len(counts), dtype=np.int64) for name, counts in self.counts.items()}
        self._simulator = _simulator(program)
        self._beside = _simulator(beside) if beside else None

    def reset(self) -> None:
        """Forget everything; what was counted stays."""
        self._simulator.reset()
        if self._beside:
            self._beside.reset()

    def quiet(self, lif: Lif) -> Neurons:
        """Which neurons of a node never fired, nor came near to it."""
        quiet: Neurons = (self.counts[lif.name] == 0) & (self._highest[lif.name] <= QUIET * effective_threshold(lif))
        return quiet

    def decide(self, current: NDArray[Any], record: bool = False) -> SimulatedDecision:
        """Run one decision."""
        decision = self._simulator.decide(current, record=True)
        assert decision.recording is not None
        for name, spikes in decision.recording.spikes.items():
            self.counts[name] += spikes.sum(axis=0)
            if name in decision.recording.voltages:
                np.maximum(self._highest[name], decision.recording.voltages[name].max(axis=0), out=self._highest[name])
        if self._beside:
            answer = self._beside.decide(current).accumulator
            self.different += not np.array_equal(answer, decision.accumulator)
        return decision


def _simulator(program: Program) -> Simulator:
    """The compiled simulator where numba is installed, the interpreter elsewhere."""
    if importlib.util.find_spec("numba") is None:
        return Interpreter(program)
    from neuro_runtime.simulators.loihi_fast import LoihiFast

    return LoihiFast(program)


def _steer(program: Program, simulator: Simulator, seed: int, episodes: int, on_episode: OnEpisode) -> int:
    """Run whole episodes; how many decisions they took."""
    try:
        environment = make_environment(program.environment, action_bounds=protocol_of(program).action_bounds)
    except UserError as problem:
        raise UserError(f"recorded passes need the policy's environment ({problem}); use --passes safe") from problem
    backend = ProgramBackend(program, simulator)
    decisions = 0
    with closing(environment):
        for number in range(episodes):
            decisions += len(record_episode(backend, environment, seed + number, at_most=None))
            on_episode()
    return decisions
