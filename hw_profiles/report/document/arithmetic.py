"""The numbers that a program asks of a chip's integers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportedArrival:
    """The most that reaches a node's neurons through synapses in one time step, in weight units.

    Attributes
    ----------
    bound, observed
        Proven, and the largest of the run; None where the backend counted nothing.
    bits_proven, bits_observed
        Bits that each leaves of the chip's accumulator, negative beyond it; None where the profile does not state one.
    """

    node: str
    bound: int
    observed: int | None
    bits_proven: float | None
    bits_observed: float | None


@dataclass(frozen=True)
class ArithmeticAnswer:
    """A program beside the integers of one chip.

    Attributes
    ----------
    sentence
        Whether the program stays inside, as far as both are known.
    accumulator_bits
        Bits in which the chip adds up what arrives, without the sign; None where the profile does not state them.
    departures
        A sentence for each number that is outside.
    """

    sentence: str
    accumulator_bits: int | None
    arrivals: tuple[ReportedArrival, ...]
    departures: tuple[str, ...]
