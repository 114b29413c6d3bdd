"""The effect of quantisation, for a person to read: two tables of the layers, one of the weight formats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dsf_common.text_table import NOTHING, percent, text_table
from dsf_export.layer_report import LayerReport, SpikeAgreement
from dsf_export.pipeline import Quantised
from hw_profiles.chip_arithmetic import Departure, standing
from neuro_runtime.program.arrival_peaks import ArrivalPeaks
from neuro_runtime.program.portable import departures
from neuro_runtime.program.program import Program

AGREEMENT_HEADER = (
    "layer",
    "weight error",
    "worst neuron",
    "vanished",
    "bits used",
    "agreement alone",
    "overlap alone",
    "agreement in program",
    "overlap in program",
)
STATE_HEADER = (
    "layer",
    "largest |u|",
    "largest |v|",
    "bits left of 24",
    "largest arrival",
    "bits left of 21",
    "observed",
    "within by",
    "injected",
)


def agreement_table(layers: Sequence[LayerReport]) -> str:
    """The changes by rounding, one row a node group; :class:`dsf_export.layer_report.LayerReport` has the columns."""
    return text_table([AGREEMENT_HEADER, *(_agreement_cells(layer) for layer in layers)])


def state_table(layers: Sequence[LayerReport]) -> str:
    """Largest states and arrivals, one row a node group; see :class:`dsf_export.layer_report.LayerReport`."""
    return text_table([STATE_HEADER, *(_state_cells(layer) for layer in layers)])


def format_table(formats: Sequence[Quantised]) -> str:
    """One column a weight format: each layer's spike agreement, alone and in the program, and the actions' error."""
    names = [layer.layer for layer in formats[0].layers if layer.in_program]
    by_name = [{layer.layer: layer for layer in quantised.layers} for quantised in formats]
    rows = [("bits of a weight", *(str(quantised.weight_format.bits) for quantised in formats))]
    rows += [(name, *(_both(layers[name]) for layers in by_name)) for name in names]
    rows.append(("action, rms error", *(f"{quantised.action_error:.4f}" for quantised in formats)))
    return text_table(rows)


def portable_lines(layers: Sequence[LayerReport], program: Program, observed: Iterable[ArrivalPeaks]) -> list[str]:
    """Whether the public emulators of Loihi agree on the program, and how the token's current reaches it.

    ``observed`` are the arrivals of the program's run on the decisions that the layers are reported on.
    """
    by_bound = sum(layer.arrival.within == "bound" for layer in layers)
    injected = [layer.arrival.injected for layer in layers if layer.arrival.injected]
    largest = max((most for most, _ in injected), default=0)  # no neurons read it in a program that lost them all
    holds = "holds" if all(most <= limit for most, limit in injected) else "does not hold"
    return [
        f"the same on every public emulator of Loihi: {_evidence(departures(program, observed=observed))}",
        f"arrivals inside the portable subset by their bound: {by_bound} of {len(layers)} layers",
        f"the token's current is a bias of the neurons: at most {largest}, which a chip's bias {holds}",
    ]


def _evidence(outside: Sequence[Departure]) -> str:
    if not outside:
        return "proven"
    certain = [departure for departure in outside if departure.evidence != "bound"]
    told = "no" if certain else "observed, not proven" if standing(outside) == "observed" else "not known"
    more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
    return f"{told}, as {(certain or outside)[0]}{more}"


def _agreement_cells(layer: LayerReport) -> tuple[str, ...]:
    return (
        layer.layer,
        percent(layer.weight_error),
        _worst(layer),
        percent(layer.vanished),
        NOTHING if layer.bits_used is None else f"{layer.bits_used:.1f}",
        *_measures(layer.alone),
        *_measures(layer.in_program),
    )


def _state_cells(layer: LayerReport) -> tuple[str, ...]:
    room = layer.headroom
    return (
        layer.layer,
        str(room.current),
        str(room.voltage),
        f"{room.bits:.1f}",
        str(room.arriving),
        f"{room.arrival_bits:.1f}",
        str(layer.arrival.observed),
        layer.arrival.within,
        str(layer.arrival.injected[0]) if layer.arrival.injected else NOTHING,
    )


def _worst(layer: LayerReport) -> str:
    """The neuron with the largest weight error."""
    if not layer.worst_neurons:
        return NOTHING
    return f"{layer.worst_neurons[0].neuron}: {percent(layer.worst_neurons[0].weight_error)}"


def _measures(spikes: SpikeAgreement | None) -> tuple[str, str]:
    return (percent(spikes.agreement), percent(spikes.overlap)) if spikes else (NOTHING, NOTHING)


def _both(layer: LayerReport) -> str:
    alone, in_program = (_measures(spikes)[0] for spikes in (layer.alone, layer.in_program))
    return f"{alone} / {in_program}"
