"""A published number with its unit, its band, its source, and how sure it is."""

from __future__ import annotations

import math
from enum import Enum
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, StrictFloat, StrictStr
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")  # the fields' types are strict themselves


class Grade(Enum):
    """How a figure came to be known, best first."""

    measured = "measured"  # on silicon
    simulated = "simulated"  # SPICE, SDF, RTL or a simulator
    datasheet = "datasheet"  # a vendor's statement, or true by design
    inferred = "inferred"  # arithmetic or a regression from other figures

    @property
    def rank(self) -> int:
        """0 for the best evidence."""
        return list(Grade).index(self)


@dataclass(frozen=True, config=STRICT)
class Figure:
    """One number with its evidence, and a band where the evidence is one.

    Attributes
    ----------
    value, low, high
        Nominal value and band, ``low ≤ value ≤ high``; a figure without a band leaves both out.
    unit
        The one that its field demands.
    grade
        See :class:`Grade`.
    source
        Where the value (and the band) stands: author, venue, year, table.
    """

    value: StrictFloat
    unit: StrictStr
    grade: Grade
    source: StrictStr
    low: StrictFloat | None = None
    high: StrictFloat | None = None

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise ValueError("source is empty; say where the value stands")
        if not all(math.isfinite(number) for number in (self.value, *self.band)):
            raise ValueError(f"value {self.value} and band {self.band} must be finite; write the published number")
        if not self.band[0] <= self.value <= self.band[1]:
            raise ValueError(f"value {self.value} lies outside its band {self.band}; make low ≤ value ≤ high")

    @property
    def band(self) -> tuple[float, float]:
        """Lowest and highest plausible value; both the value itself where no band is given."""
        return (
            self.value if self.low is None else self.low,
            self.value if self.high is None else self.high,
        )


def in_unit(unit: str, signed: bool = False) -> AfterValidator:
    """A field's check of its figure: the unit, and that it is not negative unless ``signed``."""

    def check(figure: Figure) -> Figure:
        if figure.unit != unit:
            raise ValueError(f"unit is {figure.unit!r}; it must be {unit!r}")
        if not signed and figure.band[0] < 0:
            raise ValueError(f"value {figure.value} and band {figure.band} must not be negative; check the sign")
        return figure

    return AfterValidator(check)


Picojoules = Annotated[Figure, in_unit("pJ")]
PicojoulesPerBit = Annotated[Figure, in_unit("pJ/bit")]
Microjoules = Annotated[Figure, in_unit("uJ")]
Nanoseconds = Annotated[Figure, in_unit("ns")]
Milliseconds = Annotated[Figure, in_unit("ms")]
Milliwatts = Annotated[Figure, in_unit("mW")]
MacCount = Annotated[Figure, in_unit("MACs")]
CoreCount = Annotated[Figure, in_unit("cores")]
ChipCount = Annotated[Figure, in_unit("chips")]
TileCount = Annotated[Figure, in_unit("tiles")]
NeuronCount = Annotated[Figure, in_unit("neurons")]
WordCount = Annotated[Figure, in_unit("words")]
Bits = Annotated[Figure, in_unit("bits")]
SignedBits = Annotated[Figure, in_unit("bits", signed=True)]
WeightUnits = Annotated[Figure, in_unit("weight units")]
AxonCount = Annotated[Figure, in_unit("axons")]
GroupCount = Annotated[Figure, in_unit("groups")]
FormatCount = Annotated[Figure, in_unit("formats")]
SynapseCount = Annotated[Figure, in_unit("synapses")]
StepCount = Annotated[Figure, in_unit("steps")]
SlotCount = Annotated[Figure, in_unit("slots")]
YesOrNo = Annotated[Figure, in_unit("yes=1/no=0")]
