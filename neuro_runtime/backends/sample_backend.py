"""A network that is given samples, steering in closed loop: an observation becomes a sample, its output an action."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from neuro_runtime.backends.base import Decision
from neuro_runtime.backends.program_backend import ProgramMeter
from neuro_runtime.loop_spec import LoopSpec, load_loop, loop_file
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.sample_run import outputs_of, run_sample
from neuro_runtime.simulators.simulator import Simulator
from neuro_runtime.token import Token


class SampleBackend:
    """A network in closed loop.

    Parameters
    ----------
    program
        The network, which is run a decision at a time.
    path
        Its file, beside which its loop is described.
    open_simulator
        Opens a simulator of the program.
    on_close
        Releases the simulator; may be called twice.

    Raises
    ------
    UserError
        The loop's description is missing or does not fit the network.
    """

    def __init__(
        self,
        program: SampleProgram,
        path: Path,
        open_simulator: Callable[[SampleProgram], Simulator],
        on_close: Callable[[Simulator], None] = lambda simulator: None,
    ) -> None:
        self._spec = load_loop(loop_file(path))
        _require_fit(program, self._spec)
        steps = self._spec.encoder.steps + (0 if self._spec.carry else program.latency)
        self.program = program.for_steps(steps)
        self._simulator = open_simulator(self.program)
        self._on_close = on_close
        self._meter = ProgramMeter(self.program)
        self.reset()

    @property
    def environment(self) -> str:
        """Name of the environment that it steers."""
        return self._spec.environment

    @property
    def return_target(self) -> float:
        """0: it asks for no return."""
        return 0.0

    @property
    def observation_size(self) -> int:
        """Width of an observation."""
        return len(self._spec.encoder.mean)

    @property
    def action_size(self) -> int:
        """Width of an action."""
        return math.prod(self.program.output_shape)

    def reset(self) -> None:
        """Begin an episode."""
        self._random = np.random.default_rng(self._spec.encoder.seed)
        self._simulator.reset()

    def decide(self, token: Token) -> Decision:
        """Answer one environment step."""
        sample = self._spec.encoder.sample(token.state, self._random).reshape(-1, *self.program.encoder.shape)
        if self._spec.carry:
            rows, spikes = self._carry_on(sample)
        else:
            run = run_sample(self.program, self._simulator, sample)
            rows, spikes = run.output, dict(run.spikes)
        return Decision(self._spec.readout.action(rows), self._meter.activity(spikes))

    def _carry_on(self, sample: NDArray[np.float64]) -> tuple[NDArray[np.float64], dict[str, int]]:
        given = self.program.encoder.rows(sample, self.program.period, integers=self.program.arithmetic == "loihi")
        decision = self._simulator.decide(given, record=True)
        assert decision.recording is not None
        return outputs_of(self.program, decision.recording, self.program.period, late=True), decision.spikes

    def close(self) -> None:
        """Release the simulator."""
        self._on_close(self._simulator)


def _require_fit(program: SampleProgram, spec: LoopSpec) -> None:
    encoder = spec.encoder
    if len(encoder.mean) != len(encoder.std):
        raise UserError(f"the encoder has {len(encoder.mean)} means and {len(encoder.std)} deviations")
    inputs = len(encoder.mean) * (encoder.neurons if encoder.code == "population" else 1)
    if inputs != program.encoder.features:
        raise UserError(f"the encoder gives {inputs} inputs, and {program.name} takes {program.encoder.features}")
    if (encoder.code == "value") != (program.encoder.kind == "values"):
        raise UserError(
            f"the encoder's code {encoder.code} does not go with a network that takes {program.encoder.kind}: "
            "export it with input=values for code value, with input=spikes for the others"
        )
