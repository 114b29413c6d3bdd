"""Is a lowered program the network but for rounding? Every spike of every layer, and the output, sample by sample.

Both add up in float64, in other orders, so a neuron whose membrane is within rounding of its threshold may fire in one
and not in the other, and all that comes after it in the sample may follow from that. So the first difference of a
sample, in time and then in the network's order of layers, must be at such neurons alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import GateFailed
from dsf_export.parity import ROUNDING
from dsf_export.sources.float_network import FloatNetwork, FloatRecording
from dsf_export.sources.stage_rows import differing
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.sample_run import SampleRun, outputs_of


@dataclass(frozen=True)
class _Place:
    """A spike that differs, and the distance of the network's membrane from its threshold there."""

    layer: str
    step: int
    neuron: int
    fires: bool
    distance: float
    tolerance: float


def require_only_rounding(
    network: FloatNetwork,
    recordings: Sequence[FloatRecording],
    watched: SampleProgram,
    runs: Sequence[SampleRun],
) -> None:
    """Do nothing where the runs of a lowered program differ from the network's by rounding alone.

    Parameters
    ----------
    recordings
        The network's, in float64.
    watched
        The program, read at all neurons that fire (:class:`dsf_export.sources.lower_network.Lowered`).
    runs
        Its runs of the same samples.

    Raises
    ------
    GateFailed
        Another difference: its layer, time step and neuron.
    """
    for sample, (recording, run) in enumerate(zip(recordings, runs, strict=True)):
        first = list(_first_places(network, recording, outputs_of(watched, run.recording, len(recording.output))))
        _refuse_far(first, sample)
        _refuse_output(recording.output, run.output, first[0].step if first else len(run.output), sample)


def _refuse_far(places: Sequence[_Place], sample: int) -> None:
    for place in places:
        if place.distance > place.tolerance:
            one, other = ("network", "program") if place.fires else ("program", "network")
            raise GateFailed(
                f"the lowered program is not the network: neuron {place.neuron} of {place.layer} fires in the {one} "
                f"and not in the {other}, in time step {place.step} of sample {sample}, and its membrane is "
                f"{place.distance:.3g} from its threshold, where rounding explains {place.tolerance:.1g}; "
                "nothing was written"
            )


def _refuse_output(ours: NDArray[Any], theirs: NDArray[Any], steps: int, sample: int) -> None:
    """All that comes out before the first spike that differs must be the same."""
    ours, theirs = ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1)
    wrong = np.argwhere(differing(ours, theirs)[:steps])
    if len(wrong):
        step, place = wrong[0].tolist()
        raise GateFailed(
            f"the lowered program is not the network: place {place} of the output is {ours[step, place]:.6g} in the "
            f"network and {theirs[step, place]:.6g} in the program, in time step {step} of sample {sample}, and every "
            "spike until then is the same; nothing was written"
        )


def _first_places(network: FloatNetwork, recording: FloatRecording, spikes: NDArray[np.float64]) -> Iterator[_Place]:
    """The neurons of one layer and time step that differ first; ``spikes`` (steps, neurons), layer after layer."""
    different: dict[str, NDArray[np.bool_]] = {}
    column = 0
    for name, fired in recording.spikes.items():
        size = network.neurons[name].size
        different[name] = spikes[:, column : column + size] != fired.reshape(len(fired), size)
        column += size
    steps = {name: int(where.any(axis=1).argmax()) for name, where in different.items() if where.any()}
    if not steps:
        return
    layer = min(steps, key=lambda name: steps[name])  # of several, the first in the network's order
    step = steps[layer]
    voltage = recording.voltages[layer].reshape(len(spikes), -1)[: step + 1]
    threshold = network.neurons[layer].threshold.double().numpy().reshape(-1)
    for neuron in np.flatnonzero(different[layer][step]).tolist():
        yield _Place(
            layer,
            step,
            neuron,
            bool(recording.spikes[layer].reshape(len(spikes), -1)[step, neuron]),
            float(abs(voltage[step, neuron] - threshold[neuron])),
            ROUNDING * float(np.abs(voltage[:, neuron]).max(initial=abs(threshold[neuron]))),
        )
