"""The effect of quantisation, for a person to read: one table of the layers, one of the weight formats."""

from __future__ import annotations

from collections.abc import Sequence

from dsf_common.text_table import NOTHING, percent, text_table
from dsf_export.layer_report import LayerReport, SpikeAgreement
from dsf_export.pipeline import Quantised

LAYER_HEADER = (
    "layer",
    "weight error",
    "bits used",
    "agreement alone",
    "overlap alone",
    "agreement in program",
    "overlap in program",
    "largest |u|",
    "largest |v|",
    "bits left of 24",
    "largest arrival",
    "bits left of 21",
)


def layer_table(layers: Sequence[LayerReport]) -> str:
    """One row a node group; see :class:`dsf_export.layer_report.LayerReport` for the columns."""
    return text_table([LAYER_HEADER, *(_cells(layer) for layer in layers)])


def format_table(formats: Sequence[Quantised]) -> str:
    """One column a weight format: each layer's spike agreement, alone and in the program, and the actions' error."""
    names = [layer.layer for layer in formats[0].layers if layer.in_program]
    by_name = [{layer.layer: layer for layer in quantised.layers} for quantised in formats]
    rows = [("bits of a weight", *(str(quantised.weight_format.bits) for quantised in formats))]
    rows += [(name, *(_both(layers[name]) for layers in by_name)) for name in names]
    rows.append(("action, rms error", *(f"{quantised.action_error:.4f}" for quantised in formats)))
    return text_table(rows)


def _cells(layer: LayerReport) -> tuple[str, ...]:
    room = layer.headroom
    return (
        layer.layer,
        percent(layer.weight_error),
        NOTHING if layer.bits_used is None else f"{layer.bits_used:.1f}",
        *_measures(layer.alone),
        *_measures(layer.in_program),
        str(room.current),
        str(room.voltage),
        f"{room.bits:.1f}",
        str(room.arriving),
        f"{room.arrival_bits:.1f}",
    )


def _measures(spikes: SpikeAgreement | None) -> tuple[str, str]:
    return (percent(spikes.agreement), percent(spikes.overlap)) if spikes else (NOTHING, NOTHING)


def _both(layer: LayerReport) -> str:
    alone, in_program = (_measures(spikes)[0] for spikes in (layer.alone, layer.in_program))
    return f"{alone} / {in_program}"
