"""Layers that are no longer themselves once rounded: named, with the neuron that does it and what to do.

A layer is judged alone, given the float program's spikes, so that what is wrong is its own doing. It is **lost** where
most of its spikes are others and there are enough of them to matter, and **damaged** where it is on the way there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dsf_common.errors import UserError
from dsf_common.text_table import percent
from dsf_export.layer_report import LayerReport
from neuro_runtime.program.chip import Chip
from neuro_runtime.program.limits import ARRIVAL_LIMIT, WEIGHT_BITS
from neuro_runtime.program.weight_format import MOST_EXPONENTS, WeightFormat


@dataclass(frozen=True)
class _Limits:
    """Beyond any of them a layer is told.

    Attributes
    ----------
    overlap, wrong
        It shares fewer of its spikes with the float program, and more of its (neuron, time step)s are wrong.
    vanished
        More of its weights round to 0, and more than ``wrong`` is wrong.
    """

    overlap: float
    wrong: float
    vanished: float


LOST = _Limits(overlap=0.3, wrong=0.02, vanished=0.9)
DAMAGED = _Limits(overlap=0.6, wrong=0.01, vanished=0.5)


def refuse_lost_layers(layers: Sequence[LayerReport], weight_format: WeightFormat) -> None:
    """Do nothing if every layer is still itself.

    Raises
    ------
    UserError
        Naming the first layer that is lost, its widest neuron and the cure.
    """
    for layer in layers:
        if _beyond(layer, LOST):
            raise UserError(f"{_sentence(layer, 'is lost in rounding', weight_format)}; nothing was written")


def warnings_of(layers: Sequence[LayerReport], weight_format: WeightFormat) -> list[str]:
    """One sentence for each layer that is damaged, that leaves the portable subset, or whose neurons were limited."""
    said = [
        _sentence(layer, "is damaged by rounding", weight_format) + "."
        for layer in layers
        if _beyond(layer, DAMAGED) and not _beyond(layer, LOST)
    ]
    if weight_format.chip.is_portable:
        said += [
            f"{layer.layer}: as much as {layer.arrival.observed} weight units arrived in a time step, and emulators of "
            f"Loihi part from {ARRIVAL_LIMIT} on."
            for layer in layers
            if layer.arrival.within == "neither"
        ]
    return said + [
        f"{layer.layer}: {_neurons(layer.reach.limited)} could be brought as much as {_number(layer.reach.largest)} "
        f"thresholds in a time step, the median neuron {_number(layer.reach.median)}; the largest inputs are limited "
        "to what decides a spike."
        for layer in layers
        if layer.reach and layer.reach.limited
    ]


def _beyond(layer: LayerReport, limits: _Limits) -> bool:
    if layer.alone is None or 1 - layer.alone.agreement <= limits.wrong:
        return False
    few = layer.alone.overlap is not None and layer.alone.overlap < limits.overlap
    return few or (layer.vanished is not None and layer.vanished > limits.vanished)


def _sentence(layer: LayerReport, what: str, weight_format: WeightFormat) -> str:
    assert layer.alone is not None
    parts = [
        f"{layer.layer} {what}: {percent(layer.alone.agreement)} of its answers and {percent(layer.alone.overlap)} of "
        f"its spikes are the float program's, {percent(layer.vanished)} of its weights vanish"
    ]
    if layer.reach:
        parts.append(
            f"neuron {layer.reach.neuron} can be brought {_number(layer.reach.largest)} thresholds in a time step, "
            f"the median neuron {_number(layer.reach.median)}, and sets the step of all"
        )
    return f"{'; '.join(parts)}; {_cure(weight_format)}"


def _cure(weight_format: WeightFormat) -> str:
    if not weight_format.chip.is_portable:
        return f"export with --chip {Chip.portable}, which limits outliers, or train with a larger weight_decay"
    finer = []
    if weight_format.bits < WEIGHT_BITS:
        finer.append(f"--bits {WEIGHT_BITS}")
    if weight_format.exponents < MOST_EXPONENTS:
        finer.append(f"--exponents {MOST_EXPONENTS}")
    by_format = f"export with {' and '.join(finer)}, or " if finer else ""
    return f"{by_format}train with a larger weight_decay or with quantise=true"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _neurons(numbers: Sequence[int]) -> str:
    named = ", ".join(str(number) for number in numbers[:8])
    more = f" and {len(numbers) - 8} more" if len(numbers) > 8 else ""
    return f"{'neuron' if len(numbers) == 1 else 'neurons'} {named}{more}"
