"""How fine a synapse's weight is: Loihi's mantissas of few bits, and the exponents that a matrix may be laid out by."""

from __future__ import annotations

from dataclasses import dataclass

from dsf_common.errors import UserError
from neuro_runtime.program.chip import Chip
from neuro_runtime.program.limits import (
    FEWEST_WEIGHT_BITS,
    MANTISSA_SPAN,
    SMALLEST_EXPONENT,
    SMALLEST_WEIGHT,
    WEIGHT_BITS,
)

MOST_EXPONENTS = 8


@dataclass(frozen=True)
class WeightFormat:
    """How fine a weight is.

    Attributes
    ----------
    bits
        Bits of a mantissa, sign included, 2 … 8.
    exponents
        Connections, each with its own exponent, that a weight matrix may be laid out as, 1 … 8.
    chip
        Whose arithmetic decides which exponents there are, and how much may arrive at a neuron.

    Raises
    ------
    UserError
        A number out of range.
    """

    bits: int = WEIGHT_BITS
    exponents: int = 4
    chip: Chip = Chip.portable

    def __post_init__(self) -> None:
        for what, value, low, high in (
            ("bits of a weight", self.bits, FEWEST_WEIGHT_BITS, WEIGHT_BITS),
            ("exponents of a weight matrix", self.exponents, 1, MOST_EXPONENTS),
        ):
            if not low <= value <= high:
                raise UserError(f"{what}: {value} is outside {low} … {high}")

    @property
    def step(self) -> int:
        """Between one mantissa and the next: 2 for 8 bits, 128 for 2."""
        return MANTISSA_SPAN >> self.bits

    @property
    def smallest(self) -> int:
        """The lowest mantissa."""
        return SMALLEST_WEIGHT

    @property
    def largest(self) -> int:
        """The highest mantissa."""
        return MANTISSA_SPAN // 2 - self.step

    @property
    def smallest_exponent(self) -> int:
        """The least exponent of a connection; in the portable subset its weights are whole, exponent multiplied in."""
        return 1 - self.step.bit_length() if self.chip.is_portable else SMALLEST_EXPONENT


DEFAULT_FORMAT = WeightFormat()
