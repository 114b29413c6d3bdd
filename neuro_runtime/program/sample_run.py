"""One sample through a program: the host's rows in, what the outputs give out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.simulators.simulator import NeuronRecording, Simulator


@dataclass(frozen=True, eq=False)
class SampleRun:
    """A sample's run.

    Attributes
    ----------
    output
        (steps, *output_shape): spikes, or membranes in real units; row t belongs to the input's row t.
    spikes
        How many each node emitted.
    time_steps
        Time steps that the network ran.
    recording
        Every spike (and state, where the simulator records it), node -> (time steps, neurons).
    """

    output: NDArray[np.float64]
    spikes: Mapping[str, int]
    time_steps: int
    recording: NeuronRecording


def run_sample(program: SampleProgram, simulator: Simulator, sample: NDArray[np.generic]) -> SampleRun:
    """Reset ``simulator``, which runs ``program`` some time steps at a time, and run one sample through it.

    The sample is followed by silence until its last output is out.

    Raises
    ------
    UserError
        The sample does not fit the program.
    """
    simulator.reset()
    steps = len(sample)
    periods = -(-(steps + program.latency) // program.period)
    rows = program.encoder.rows(sample, periods * program.period, integers=program.arithmetic == "loihi")
    parts, counts = [], dict.fromkeys((node.name for node in program.nodes if node.spikes), 0)
    for n in range(periods):
        decision = simulator.decide(rows[n * program.period : (n + 1) * program.period], record=True)
        assert decision.recording is not None
        parts.append(decision.recording)
        for name, count in decision.spikes.items():
            counts[name] += count
    recording = _joined(parts)
    return SampleRun(outputs_of(program, recording, steps), counts, periods * program.period, recording)


def _joined(parts: list[NeuronRecording]) -> NeuronRecording:
    if len(parts) == 1:
        return parts[0]
    return NeuronRecording(
        *(
            {name: np.concatenate([getattr(part, field)[name] for part in parts]) for name in getattr(parts[0], field)}
            for field in ("spikes", "currents", "voltages")
        )
    )


def outputs_of(
    program: SampleProgram, recording: NeuronRecording, steps: int, late: bool = False
) -> NDArray[np.float64]:
    """The output's rows (steps, *output_shape); ``late`` takes what came out in these steps, whatever it belongs to."""
    flat = np.zeros((steps, int(np.prod(program.output_shape))))
    for output in program.outputs:
        read = recording.spikes if output.quantity == "spikes" else recording.voltages
        start = 0 if late else output.delay
        flat[:, output.places] = read[output.node][start : start + steps] * output.inverse_scale
    return flat.reshape(steps, *program.output_shape)
