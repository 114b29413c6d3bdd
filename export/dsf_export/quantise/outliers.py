"""Neurons whose currents can be so large that they would set the step of their whole layer.

A LIF neuron far above its threshold fires, however far; far below, it is silent for the rest of the decision. So of a
current of a thousand thresholds hardly more than its sign matters, but the layer's scale must have room for all of it,
and what is left of the other neurons' weights may be nothing. A neuron's **reach** is the largest current of one sign
that it can be brought in a time step, in thresholds. Here the reach of such neurons is limited, in the float program:

- where few inputs make it, these are cut to one level (a single large weight, a bias);
- where it is the neuron's habit, all of its weights shrink alike, which keeps them in proportion.

Whether that is worth it is counted in wrong spikes against the untouched program.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from dsf_export.quantise.calibration import LayerCalibration
from dsf_export.quantise.group_scales import ScaledGroup, time_steps
from dsf_export.quantise.reach import Values, injected_into, reach_of_neurons, terms_of, weights_into
from neuro_runtime.program.nodes import Connection, Lif
from neuro_runtime.program.program import Program
from neuro_runtime.program.weight_format import WeightFormat

Reaches = dict[str, float]

LIMITS = (512.0, 256.0, 128.0, 64.0)  # thresholds
OUTLYING = 4  # times its median neuron's reach a layer may be limited to, and no less
COARSE = 256  # integers to a threshold; a layer that has as many is not set back by its widest neuron
FEW_WRONG = 1e-3  # share of a layer's (neuron, time step)s; with fewer wrong, nothing is limited
FEW_INPUTS = 0.25  # share of a neuron's inputs that may be cut; where more would be, all shrink


def choose_reaches(
    program: Program, calibrations: Mapping[str, LayerCalibration], weight_format: WeightFormat
) -> Reaches:
    """The limits of reach, by layer, with which fewer spikes are wrong than without; none for most programs.

    Parameters
    ----------
    calibrations
        As recorded while the float ``program`` ran.
    """
    steps = time_steps(program)
    reaches: Reaches = {}
    for node in program.nodes:
        if isinstance(node, Lif) and node.name in calibrations and weight_format.chip.is_portable:

            def best(limit: float, node: Lif = node) -> tuple[int, float]:
                limited = limit_reach(program, {node.name: limit})
                group = ScaledGroup(limited, node, calibrations[node.name], weight_format, steps)
                return group.with_cheapest_evidence().best_alone()

            few = FEW_WRONG * calibrations[node.name].fired.size
            limit = _best_limit(best, reach_of_neurons(program, node.name), few)
            if limit < math.inf:
                reaches[node.name] = limit
    return reaches


def _best_limit(best: Callable[[float], tuple[int, float]], reach: Values, few: float) -> float:
    """The limit with the fewest wrong spikes; infinite where no neuron stands out, or none helps.

    ``best`` gives a limit's best scale and wrong spikes; ``few`` of them are none.
    """
    limits = [limit for limit in LIMITS if OUTLYING * np.median(reach) < limit < reach.max()]
    if not limits:
        return math.inf
    scale, untouched = best(math.inf)
    if scale >= COARSE or untouched <= few:
        return math.inf
    counts = {limit: best(limit)[1] for limit in limits}
    found = min(counts, key=lambda limit: counts[limit])
    return found if counts[found] < untouched else math.inf


def limit_reach(program: Program, reaches: Mapping[str, float]) -> Program:
    """A float program whose layers reach no further than ``reaches``, in thresholds, say; others are as they were."""
    changed: dict[int, Connection] = {}
    for layer, limit in reaches.items():
        connections = weights_into(program, layer)
        injected = injected_into(program, layer)
        terms = [terms_of(connection) for connection in connections]
        targets = np.concatenate([target for target, _ in terms])
        values = np.concatenate([value for _, value in terms])
        for neuron in np.flatnonzero(reach_of_neurons(program, layer) > limit):
            mine = np.flatnonzero(targets == neuron)
            values[mine] = _limited(values[mine], max(limit - injected, 0.0), may_shrink=not injected)
        ends = np.cumsum([len(value) for _, value in terms])[:-1]
        for connection, value in zip(connections, np.split(values, ends), strict=True):
            weight = value.reshape(np.shape(connection.weight))
            changed[id(connection)] = replace(connection, weight=weight)
    return replace(program, connections=tuple(changed.get(id(item), item) for item in program.connections))


def _limited(values: Values, limit: float, may_shrink: bool) -> Values:
    """One neuron's inputs, those of either sign together no more than ``limit``."""
    level_up, level_down = _level(values.clip(min=0), limit), _level(-values.clip(max=0), limit)
    cut: Values = values.clip(-level_down, level_up)
    if may_shrink and np.count_nonzero(cut != values) > FEW_INPUTS * np.count_nonzero(values):
        shrunk: Values = values * (limit / max(values.clip(min=0).sum(), -values.clip(max=0).sum()))
        return shrunk
    return cut


def _level(amounts: Values, limit: float) -> float:
    """The level ``l`` with ``Σ min(amount, l) = limit``; infinite where the sum is no more as it is."""
    if amounts.sum() <= limit:
        return math.inf
    falling = np.sort(amounts)[::-1]
    rest = amounts.sum() - np.cumsum(falling)  # of those below each
    levels = (limit - rest) / np.arange(1, len(falling) + 1)
    below = np.append(falling[1:], 0.0)
    return float(levels[np.argmax(levels >= below)])
