"""What a profile says about one chip or one counting convention, and how sure it is of it.

A profile is a YAML file; these classes are its schema, field by field:

.. code-block:: yaml

    schema: 1                     # version of this schema
    name: my-chip                 # the file's name without .yaml
    title: My chip, one die       # one line for reports
    energy:                       # energy of one counted event; every key is optional
      synops: {value: 23.6, unit: pJ, grade: simulated, source: "Author, venue year, table n"}
      active_updates: {value: 81, low: 52, high: 81, unit: pJ, grade: simulated, source: "…"}
    power:                        # drawn all the time, whatever the activity; optional, needs step_time
      static: {value: 104, low: 104, high: 178, unit: mW, grade: measured, source: "…"}
    step_time: {value: 16.65, unit: us, grade: measured, source: "…"}
    not_counted: ["mesh hops"]    # what an estimate by this profile leaves out, printed with it

A figure without a source, a unit other than its section's, or a key not named here does not load.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from hw_profiles.errors import UserError

SCHEMA = 1


class Grade(Enum):
    """How a figure came to be known, best first."""

    measured = "measured"  # on silicon
    simulated = "simulated"  # SPICE, SDF, RTL or a simulator
    datasheet = "datasheet"  # a vendor's statement
    inferred = "inferred"  # arithmetic or a regression from other figures

    @property
    def rank(self) -> int:
        """0 for the best evidence."""
        return list(Grade).index(self)


@dataclass(frozen=True)
class Figure:
    """One number with its evidence, and a band where the sources disagree.

    Attributes
    ----------
    value, low, high
        Nominal value and band, ``low ≤ value ≤ high``; a figure without a band leaves both out.
    unit
        ``pJ``, ``mW`` or ``us``, as its section demands.
    grade
        See :class:`Grade`.
    source
        Where the value (and the band) stands: author, venue, year, table.
    """

    value: float
    unit: str
    grade: Grade
    source: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise UserError("source is empty: say where the value stands")
        if not all(math.isfinite(number) and number >= 0 for number in (self.value, *self.band)):
            raise UserError(f"value, low and high must be finite and not negative, got {self.value}, {self.band}")
        if not self.band[0] <= self.value <= self.band[1]:
            raise UserError(f"value {self.value} lies outside its band {self.band}")

    @property
    def band(self) -> tuple[float, float]:
        """Lowest and highest plausible value; both the value itself where no band is given."""
        return (
            self.value if self.low is None else self.low,
            self.value if self.high is None else self.high,
        )


@dataclass(frozen=True)
class EventEnergy:
    """Energy of one event of each kind an :class:`~hw_profiles.activity.ActivityCounts` counts, in pJ."""

    synops: Figure | None = None
    active_updates: Figure | None = None
    idle_updates: Figure | None = None
    spikes: Figure | None = None
    host_macs: Figure | None = None


@dataclass(frozen=True)
class ConstantPower:
    """Power drawn for as long as a decision lasts, in mW."""

    static: Figure | None = None  # leakage and idle of one chip
    host: Figure | None = None  # the processors that manage it


@dataclass(frozen=True)
class Profile:
    """One chip or convention; see the module's docstring for the file it is read from."""

    schema: int
    name: str
    title: str
    energy: EventEnergy
    not_counted: tuple[str, ...]
    power: ConstantPower | None = None
    step_time: Figure | None = None

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise UserError(f"schema is {self.schema}, this version reads {SCHEMA}")
        if (self.power is None) != (self.step_time is None):
            raise UserError("power and step_time belong together: energy is power times the time steps' duration")
