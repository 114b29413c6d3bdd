"""Do two runs of a network differ by rounding alone? Every spike of every layer, and the output, sample by sample.

A lowered program adds up in float64 as its network does, in another order; a file for a reader holds float32. So a
neuron whose membrane is within rounding of its threshold may fire in one run and not in the other, and all that comes
after it in the sample may follow from that. The first difference of a sample, in time and then in the network's order
of layers, must be at such neurons alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
        fired = _by_layer(network, recording, outputs_of(watched, run.recording, len(recording.output)))
        first = list(_first_places(network, recording, fired, ROUNDING))
        if far := _beyond_rounding(first, sample, "program"):
            raise GateFailed(f"the lowered program is not the network: {far}; nothing was written")
        _refuse_output(recording.output, run.output, first[0].step if first else len(run.output), sample)


def unlike_by_more_than_rounding(
    network: FloatNetwork,
    recordings: Sequence[FloatRecording],
    others: Sequence[FloatRecording],
    who: str,
    rounding: float,
) -> str | None:
    """The first spike that rounding does not explain, in words; None where it explains all.

    Parameters
    ----------
    recordings, others
        Two runs of each sample, the network's own first.
    who
        The one whose runs the second are, in a word.
    rounding
        Relative to a neuron's largest membrane.
    """
    for sample, (recording, other) in enumerate(zip(recordings, others, strict=True)):
        places = list(_first_places(network, recording, other.spikes, rounding))
        if far := _beyond_rounding(places, sample, who):
            return far
    return None


def _beyond_rounding(places: Sequence[_Place], sample: int, who: str) -> str | None:
    for place in places:
        if place.distance > place.tolerance:
            one, other = ("network", who) if place.fires else (who, "network")
            return (
                f"neuron {place.neuron} of {place.layer} fires in the {one} and not in the {other}, in time step "
                f"{place.step} of sample {sample}, and its membrane is {place.distance:.3g} from its threshold, where "
                f"rounding explains {place.tolerance:.1g}"
            )
    return None


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


def _by_layer(
    network: FloatNetwork, recording: FloatRecording, spikes: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """The columns of ``spikes`` (steps, neurons) that are each layer's."""
    sizes = [network.neurons[name].size for name in recording.spikes]
    ends = np.cumsum(sizes, dtype=int)
    return {name: spikes[:, end - size : end] for name, size, end in zip(recording.spikes, sizes, ends, strict=True)}


def _first_places(
    network: FloatNetwork, recording: FloatRecording, fired: Mapping[str, NDArray[Any]], rounding: float
) -> Iterator[_Place]:
    """The neurons of one layer and time step that differ first from ``fired``, the other run's spikes by layer."""
    own = {name: spikes.reshape(len(spikes), -1) for name, spikes in recording.spikes.items()}
    different = {name: spikes != fired[name].reshape(spikes.shape) for name, spikes in own.items()}
    steps = {name: int(where.any(axis=1).argmax()) for name, where in different.items() if where.any()}
    if not steps:
        return
    layer = min(steps, key=lambda name: steps[name])  # of several, the first in the network's order
    step = steps[layer]
    voltage = recording.voltages[layer].reshape(own[layer].shape)[: step + 1]
    threshold = network.neurons[layer].threshold.double().numpy().reshape(-1)
    for neuron in np.flatnonzero(different[layer][step]).tolist():
        yield _Place(
            layer,
            step,
            neuron,
            bool(own[layer][step, neuron]),
            float(abs(voltage[step, neuron] - threshold[neuron])),
            rounding * float(np.abs(voltage[:, neuron]).max(initial=abs(threshold[neuron]))),
        )
