"""The integers that a chip computes with, and where a program leaves them.

One judge serves every description of them: a profile's capacities, and the portable subset of
`neuro_runtime.program.portable`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hw_profiles.capacity import Capacity
from hw_profiles.figure import Figure

Quantity = Literal["exponent", "threshold", "reset", "arrival", "injection", "current", "voltage", "graded spike"]
Evidence = Literal["set", "bound", "observed"]
Standing = Literal["proven", "observed", "outside"]

NO_STEP = -1  # the last time step at which a chip without resets resets neurons


@dataclass(frozen=True)
class Extreme:
    """The most extreme value that a quantity of a node has, or can have.

    Attributes
    ----------
    node
        The node.
    where
        The node, or the connection into it by its ends.
    quantity
        Exponents, thresholds and the time steps of resets are set in a program. Arrival, through synapses in one time
        step, injection, by the host, and the number that a graded spike carries are in weight units; current and
        voltage in those of u and v.
    bound
        The value that is set, or one that no run exceeds.
    observed
        The largest of a run; None where nobody counted.
    step
        A power of two that every value is a multiple of.
    silent
        Whether the node's neurons must never fire, so that a threshold has to lie above its voltage.
    """

    node: str
    where: str
    quantity: Quantity
    bound: int
    observed: int | None = None
    step: int = 1
    silent: bool = False


@dataclass(frozen=True)
class Departure:
    """A node, or a connection into it, that leaves an arithmetic.

    Attributes
    ----------
    node, where, quantity
        See :class:`Extreme`.
    value, limit
        The number and the last one inside.
    evidence
        How the value is known.
    observed
        Of a bound, the largest of a run, where somebody counted: it is inside.
    """

    node: str
    where: str
    quantity: Quantity
    value: int
    limit: int
    evidence: Evidence
    observed: int | None = None

    def __str__(self) -> str:
        if self.quantity == "reset":
            return f"{self.where}: is reset at every decision's time step {self.value} ({self.evidence})"
        side = "below" if self.value < self.limit else "above"
        seen = "" if self.observed is None else f"; {self.observed:,} observed"
        return f"{self.where}: {self.quantity} {self.value:,} is {side} {self.limit:,} ({self.evidence}{seen})"


@dataclass(frozen=True)
class ChipArithmetic:
    """The limits of a chip's integers; None where nothing public says.

    Attributes
    ----------
    smallest_exponent
        The smallest power of two of a weight that means the same for each weight as for their sum.
    smallest_threshold, largest_threshold
        A threshold's mantissa.
    accumulator_bits
        Bits, without the sign, in which what synapses bring a neuron in a time step is added up.
    bias_bits, largest_bias_exponent
        A bias: its mantissa without the sign, and its power of two.
    state_bits
        Width of u and v, with the sign.
    weight_shift
        Bits by which weights, biases' currents and thresholds are shifted to meet a state.
    payload_bits
        Width of the number that a graded spike carries, with its sign; 0 where spikes carry none.
    resets
        Whether neurons can be reset at a token's begin.
    """

    smallest_exponent: int | None
    smallest_threshold: int | None
    largest_threshold: int | None
    accumulator_bits: int | None
    bias_bits: int | None
    largest_bias_exponent: int | None
    state_bits: int | None
    weight_shift: int | None
    payload_bits: int | None
    resets: bool | None = None

    @staticmethod
    def of(capacity: Capacity) -> ChipArithmetic:
        """The arithmetic that a profile's capacities state."""
        mantissa = _whole(capacity.threshold_bits)
        return ChipArithmetic(
            smallest_exponent=_whole(capacity.smallest_exact_weight_exponent),
            smallest_threshold=_whole(capacity.smallest_threshold),
            largest_threshold=None if mantissa is None else (1 << mantissa) - 1,
            accumulator_bits=_whole(capacity.accumulator_bits),
            bias_bits=_whole(capacity.bias_bits),
            largest_bias_exponent=_whole(capacity.largest_bias_exponent),
            state_bits=_whole(capacity.state_bits),
            weight_shift=_whole(capacity.weight_shift),
            payload_bits=_whole(capacity.payload_bits),
            resets=None if capacity.resets is None else bool(capacity.resets.value),
        )

    @property
    def unstated(self) -> tuple[str, ...]:
        """The limits of which nothing public is known."""
        return tuple(name.replace("_", " ") for name, value in vars(self).items() if value is None)

    @property
    def largest_arrival(self) -> int | None:
        """The largest sum, in weight units, that the accumulator holds."""
        if self.accumulator_bits is None or self.weight_shift is None:
            return None
        return (1 << (self.accumulator_bits - self.weight_shift)) - 1

    def limit(self, extreme: Extreme) -> int | None:
        """The last value inside; None where the arithmetic states none."""
        match extreme.quantity:
            case "exponent":
                return self.smallest_exponent
            case "threshold":
                return self.smallest_threshold
            case "reset":
                return NO_STEP if self.resets is False else None
            case "arrival":
                return self.largest_arrival
            case "injection":
                return self._largest_injection(extreme.step)
            case "voltage" if extreme.silent:
                return self._shifted(self.largest_threshold)
            case "graded spike":
                return None if self.payload_bits is None else (1 << max(self.payload_bits - 1, 0)) - 1
            case "current" | "voltage":
                return None if self.state_bits is None else (1 << (self.state_bits - 1)) - 1

    def departures(self, extremes: Iterable[Extreme]) -> list[Departure]:
        """Every extreme that is outside, in their order; by what was observed where that is outside already."""
        found = []
        for extreme in extremes:
            limit = self.limit(extreme)
            if limit is not None and (outside := _outside(extreme, limit)) is not None:
                value, evidence = outside
                seen = extreme.observed if evidence == "bound" else None
                found.append(Departure(extreme.node, extreme.where, extreme.quantity, value, limit, evidence, seen))
        return found

    def _largest_injection(self, step: int) -> int | None:
        """The largest current, a multiple of ``step``, that a bias holds exactly.

        A bias is ``mantissa · 2^exponent`` in units of u; beyond its bits a current must be a multiple of two.
        """
        if self.bias_bits is None or self.largest_bias_exponent is None or self.weight_shift is None:
            return None
        exponent = min(self.largest_bias_exponent, self.weight_shift + step.bit_length() - 1)
        return ((1 << self.bias_bits) - 1) << exponent >> self.weight_shift

    def _shifted(self, mantissa: int | None) -> int | None:
        return None if mantissa is None or self.weight_shift is None else mantissa << self.weight_shift


def bits_left(value: int, limit: int) -> float:
    """How often ``value`` could double and stay within ``limit``, a power of two less one; negative where it is not."""
    return math.log2((limit + 1) / max(value, 1))


def standing(departures: Iterable[Departure]) -> Standing:
    """How a program stands to an arithmetic: inside by proof, inside as far as a run observed, or not known to be."""
    departures = list(departures)
    if not departures:
        return "proven"
    return "outside" if any(departure.observed is None for departure in departures) else "observed"


def counted(departures: Iterable[Departure]) -> str:
    """How many there are of each kind: ``6 arrival (observed), 2 injection (bound)``."""
    kinds = Counter(f"{departure.quantity} ({departure.evidence})" for departure in departures)
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())


def nodes_of(items: Iterable[Extreme | Departure]) -> int:
    """How many nodes they are of."""
    return len({item.node for item in items})


def _outside(extreme: Extreme, limit: int) -> tuple[int, Evidence] | None:
    """The value beyond the limit and how it is known; None where it is inside."""
    if extreme.quantity == "reset":
        return extreme.bound, "set"
    if extreme.quantity in ("exponent", "threshold"):
        return (extreme.bound, "set") if extreme.bound < limit else None
    if extreme.quantity == "graded spike":
        return (extreme.bound, "set") if extreme.bound > limit else None
    if extreme.observed is not None and extreme.observed > limit:
        return extreme.observed, "observed"
    return (extreme.bound, "bound") if extreme.bound > limit else None


def _whole(figure: Figure | None) -> int | None:
    return None if figure is None else round(figure.value)
