"""Does an integer program say what the float one says? A gate on the quantiser, written without its code.

Parity shows how far the two drift apart, and they must, for weights have few bits; so it cannot tell a rounding from a
mistake. This can: node for node and synapse for synapse, no parameter may be further from the float one than half a
step of the integers it is made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from dsf_common.errors import GateFailed
from dsf_export.arrays import Array
from dsf_models.quantisation import Scales
from neuro_runtime.program.limits import AND_WEIGHT, BIAS_BITS, CURRENT_SHIFT, DECAY_ONE
from neuro_runtime.program.nodes import And, BiasLine, Injection, Lif
from neuro_runtime.program.program import Program
from neuro_runtime.program.weight_format import WeightFormat
from neuro_runtime.program.weight_matrices import Place, WeightMatrix, weight_matrices

ROUNDING = 1e-9  # float64's own, in steps


@dataclass(frozen=True, eq=False)
class _Pair:
    """The program of floats, that of integers, and the scales that lead from the one to the other."""

    lowered: Program
    program: Program
    scales: Scales
    weight_format: WeightFormat

    def scale(self, node: str) -> float:
        """Integers for 1.0 of a node's current."""
        return AND_WEIGHT if isinstance(self.lowered.node(node), And) else self.scales.of[node]


def require_rounding_bound(lowered: Program, program: Program, scales: Scales, weight_format: WeightFormat) -> None:
    """Check every rule.

    Raises
    ------
    GateFailed
        The first rule that is broken: which node or connection, what it says and what it should.
    """
    for rule in _RULES:
        rule(_Pair(lowered, program, scales, weight_format))


def _same_time(pair: _Pair) -> None:
    for name in ("active_steps", "period"):
        _require(getattr(pair.lowered, name) == getattr(pair.program, name), f"{name} differs")


def _same_nodes(pair: _Pair) -> None:
    ours, theirs = ([(type(n), n.name, n.size) for n in each.nodes] for each in (pair.program, pair.lowered))
    _require(ours == theirs, "its nodes are others")


def _neurons(pair: _Pair) -> None:
    for node in pair.program.nodes:
        wanted = pair.lowered.node(node.name)
        if not isinstance(node, Lif) or not isinstance(wanted, Lif):
            continue
        scale = pair.scale(node.name)
        _require(node.threshold == round(wanted.threshold * scale), f"{node.name} has threshold {node.threshold}")
        for what, decay, real in (
            ("current", node.current_decay + 1, wanted.current_decay),
            ("voltage", node.voltage_decay, wanted.voltage_decay),
        ):
            near = abs(decay - real * DECAY_ONE) <= 0.5 + ROUNDING
            _require(near, f"{node.name} has {what} decay {decay} in 4096ths, not {real * DECAY_ONE:.1f}")


def _host(pair: _Pair) -> None:
    ours, theirs = pair.program, pair.lowered
    encoder = replace(theirs.encoder, input_scale=float(pair.scales.injected))
    inverse_scale = theirs.readout.inverse_scale / pair.scale(theirs.accumulator.name) / 2**CURRENT_SHIFT
    readout = replace(theirs.readout, inverse_scale=inverse_scale)
    for what, part, wanted in (("encoder", ours.encoder, encoder), ("readout", ours.readout, readout)):
        for field in fields(part):
            same = np.array_equal(getattr(part, field.name), getattr(wanted, field.name))
            _require(same, f"{what}.{field.name} is another")


def _injections(pair: _Pair) -> None:
    """The host's one integer, shifted, is the target's scale; nothing is rounded."""
    wanted = {
        (item.target, item.delay, pair.scale(item.target) / pair.scales.injected)
        for item in pair.lowered.connections
        if isinstance(item, Injection)
    }
    made = {
        (item.target, item.delay, 2.0**item.exponent)
        for item in pair.program.connections
        if isinstance(item, Injection)
    }
    _require(made == wanted, f"its injections are {sorted(made)}, not {sorted(wanted)}")


def _synapses(pair: _Pair) -> None:
    wanted, made = (weight_matrices(each, each.weighted_connections) for each in (pair.lowered, pair.program))
    for place in sorted(wanted.keys() | made.keys()):
        source, target, delay = place
        title = f"{source} -> {target}, delay {delay}"
        _require(place in made or not wanted[place].total.any(), f"{title}: there are no such synapses")
        _require(place in wanted, f"{title}: the float program has no such synapses")
        if place not in made:
            continue
        real, total = wanted[place].total * pair.scale(target), made[place].total
        allowed = _allowed(pair, place, made[place], real)
        wrong = np.argwhere(np.abs(total - real) > allowed * (1 + ROUNDING) + ROUNDING)
        for neuron, source_neuron in wrong[:1]:
            value, exact = total[neuron, source_neuron], real[neuron, source_neuron]
            raise GateFailed(
                f"the integer program is not the float one: {title}: the weight from {source_neuron} to {neuron} is "
                f"{value:g}, which is no rounding of {exact:.6g}"
            )


def _allowed(pair: _Pair, place: Place, made: WeightMatrix, real: Array) -> Array:
    """How far a weight may be from the real one, in integers: half a step of the finest synapse it is made of.

    Gates round nothing. A bias has several synapses, each with what the ones before left over, and none of them may be
    missing: of the largest, N bits and a power of two leave at most 2 / (2^N − 1) each; and steps end at 1 integer, by
    Lava's arithmetic at 2.
    """
    source, target, _ = place
    bits, half_step = pair.weight_format.bits, made.finest_step * pair.weight_format.step / 2
    if isinstance(pair.lowered.node(target), And):
        return np.zeros_like(half_step)
    if isinstance(pair.lowered.node(source), BiasLine):
        left: float = (2 / (2**bits - 1)) ** math.ceil(BIAS_BITS / bits)
        finest = 0.5 if pair.weight_format.chip.is_portable else 1.0
        return np.full_like(half_step, min(half_step.min(), max(finest, left * float(np.abs(real).max()))))
    return half_step


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise GateFailed(f"the integer program is not the float one: {what}")


_RULES: tuple[Callable[[_Pair], None], ...] = (_same_time, _same_nodes, _neurons, _host, _injections, _synapses)
