"""How many integers stand for 1.0 of a neuron group's current: the one free choice of post-training quantisation.

A Loihi synapse is an even mantissa in [−256, 254] times a power of two, ``w ≈ m·2^e / unit``. All connections into a
group share its unit, as their currents add up, and its threshold is ``unit`` times the float one. Doubling a unit
raises every exponent by one and changes nothing, so the choice is one octave of units; the highest octave is taken
that can overflow no 24-bit state, even if every synapse with one sign were active at once, and in it the unit with the
least expected error. Exponents are never negative, so no sum is floored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.fold import Array
from hw_profiles.errors import UserError
from neuro_runtime.loihi_arithmetic import CURRENT_SHIFT, STATE_LIMIT
from neuro_runtime.program.headroom import largest_current
from neuro_runtime.program.nodes import Accumulator, BiasLine, Injection, Lif
from neuro_runtime.program.program import Program
from neuro_runtime.program.validate import LARGEST_EXPONENT, LARGEST_THRESHOLD, LARGEST_WEIGHT

Integers = NDArray[np.int32]

LARGEST_CURRENT = (STATE_LIMIT - 1) / 2**CURRENT_SHIFT
ROUNDING_SLACK = 1.05  # weights rounded up may add to a little more than the real ones
FIRING_RATE = 0.1  # assumed of every layer, against 1 of the bias line
CANDIDATES = 32


@dataclass(frozen=True)
class Units:
    """Integers for 1.0: of the current of each group that weighs its inputs, and of the injected token current."""

    of: dict[str, int]
    injected: int


def choose_units(program: Program) -> Units:
    """The units of a float program's groups.

    Groups that the token is injected into differ by powers of two, since the host sends one integer for all of them.

    Raises
    ------
    UserError
        A group's currents, added up, span more than 24 bits hold.
    """
    groups = {node.name: _group(program, node) for node in program.nodes if isinstance(node, (Lif, Accumulator))}
    injected = {connection.target for connection in program.connections if isinstance(connection, Injection)}
    units = {name: _best([group], CANDIDATES)[0] for name, group in groups.items() if name not in injected}
    shared = _best([groups[name] for name in injected], CANDIDATES)
    units.update(zip(injected, shared, strict=True))
    return Units(units, injected=min(shared))


def quantise_weight(weight: NDArray[np.generic], unit: int) -> tuple[Integers, int]:
    """Even mantissas in [−256, 254] and the smallest exponent ≥ 0 so that ``weight·unit ≈ mantissa·2^exponent``."""
    scaled = np.asarray(weight, dtype=np.float64) * unit
    exponent = 0
    while not _fits(scaled / 2**exponent):
        exponent += 1
    return _nearest_even(scaled / 2**exponent), exponent


def _nearest_even(values: Array) -> Integers:
    return 2 * np.rint(values / 2).astype(np.int32)


def _fits(values: Array) -> bool:
    halves = np.rint(values / 2)
    return bool((halves >= -128).all() and (halves <= 127).all())


@dataclass(frozen=True, eq=False)
class _Group:
    """What the choice of a group's unit depends on."""

    synapses: tuple[tuple[Array, float], ...]  # weights of each connection and the rate of its source
    limit: int  # the largest unit without overflow

    def error(self, unit: int) -> float:
        """Expected squared error of the group's current, in real units."""
        return sum(rate * _squared_error(weight, unit) for weight, rate in self.synapses)


def _squared_error(weight: Array, unit: int) -> float:
    mantissa, exponent = quantise_weight(weight, unit)
    return float(((mantissa * 2.0**exponent / unit - weight) ** 2).sum())


def _best(groups: Sequence[_Group], candidates: int) -> list[int]:
    """Units of groups that must differ by powers of two, with the least summed error."""
    lowest = min(group.limit for group in groups)
    choices = np.unique(np.linspace(lowest, lowest / 2, candidates, endpoint=False).astype(int))

    def units(base: int) -> list[int]:
        return [base << ((group.limit // base).bit_length() - 1) for group in groups]

    def error(base: int) -> float:
        return sum(group.error(unit) for group, unit in zip(groups, units(base), strict=True))

    return units(min((int(choice) for choice in choices), key=error))


def _group(program: Program, node: Lif | Accumulator) -> _Group:
    arriving = program.connections_into(node.name)
    synapses = tuple(
        (np.asarray(connection.weight, dtype=np.float64), _rate(program, connection.source))
        for connection in arriving
        if not isinstance(connection, Injection)
    )
    largest = max((float(np.abs(weight).max()) for weight, _ in synapses), default=0.0)
    worst = largest_current(program, node) * _build_up(program, node) * ROUNDING_SLACK
    limit = min(
        LARGEST_THRESHOLD,
        int(LARGEST_CURRENT / worst) if worst else LARGEST_THRESHOLD,
        int(LARGEST_WEIGHT * 2**LARGEST_EXPONENT / largest) if largest else LARGEST_THRESHOLD,
    )
    if limit < 2:
        raise UserError(
            f"{node.name} adds up currents of as much as {worst:.3g} thresholds, too much for Loihi's 24-bit state "
            f"(limit {LARGEST_CURRENT / 2:.0f}); train with a larger weight_decay."
        )
    return _Group(synapses, limit)


def _rate(program: Program, source: str) -> float:
    return 1.0 if isinstance(program.node(source), BiasLine) else FIRING_RATE


def _build_up(program: Program, node: Lif | Accumulator) -> float:
    """How much of a constant current a membrane holds after T steps, in units of the current."""
    steps = np.arange(program.active_steps)
    keep = 1.0 - node.voltage_decay if isinstance(node, Lif) else 1.0
    return float((keep**steps).sum())
