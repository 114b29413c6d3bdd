"""A description of one chip, counting convention, processor or device, each figure with its evidence.

A profile is a YAML file; the classes here, in `capacity` and in `event_prices` are its schema, field by field:

.. code-block:: yaml

    schema: 2                     # version of this schema
    name: my-chip                 # the file's name without .yaml
    title: My chip, one die       # one line for reports
    kind: chip                    # chip, convention, processor or device
    about: What it is and how an input current gets in.
    capacity:                     # limits; leave out what the chip does not limit (or: the name of a profile)
      cores_per_chip: {value: 128, unit: cores, grade: datasheet, source: "Author, venue year"}
    energy:                       # pJ an event; every key is optional
      synop: {value: 23.6, unit: pJ, grade: simulated, source: "Author, venue year, table n"}
      neuron_active: {value: 81, low: 52, high: 81, unit: pJ, grade: simulated, source: "…"}
    time:                         # ns an event
      synop: {value: 3.5, unit: ns, grade: simulated, source: "…"}
    power:                        # mW, whatever the activity
      static_per_chip: {value: 104, low: 104, high: 178, unit: mW, grade: measured, source: "…"}
    anchors:                      # whole networks that others measured; compared with, never added
      - workload: a keyword spotter, one inference
        energy: {value: 6.6, unit: uJ, grade: measured, source: "…"}
    inferences:                   # a device's alone: artificial neural networks that it ran, as measured
      - workload: a dense autoencoder
        macs: {value: 264192, unit: MACs, grade: datasheet, source: "…"}
        energy: {value: 5.25, unit: uJ, grade: measured, source: "…"}
    not_counted: ["barrier synchronisation"]    # what an estimate by this profile leaves out, printed with it

A figure without a source, a unit other than its field's, or a key not named here does not load.
"""

from __future__ import annotations

from enum import Enum

from pydantic import StrictBool, StrictInt, StrictStr
from pydantic.dataclasses import dataclass

from hw_profiles.capacity import Capacity
from hw_profiles.event_prices import Anchor, ConstantPower, EventEnergy, EventTime, MemoryEnergy
from hw_profiles.figure import STRICT
from hw_profiles.measured_inference import MeasuredInference

SCHEMA = 2


class Kind(Enum):
    """The thing that a profile describes."""

    chip = "chip"  # a network is placed on its cores before it is priced
    convention = "convention"  # prices operations wherever they happen
    processor = "processor"  # runs an artificial neural network: multiply-accumulates and weights
    device = "device"  # ran artificial neural networks and was measured: a total, nothing has a price


ANN_KINDS = Kind.processor, Kind.device  # that run an artificial neural network, and so no spiking one


@dataclass(frozen=True, config=STRICT)
class Profile:
    """One chip, convention, processor or device; see the module's docstring for the file it is read from.

    Attributes
    ----------
    about
        One paragraph: what it is, and for a chip how an input current gets into its neurons.
    all_in
        The one price, of a synaptic operation, was measured with everything else inside; nothing is ever added.
    inferences
        A device's, of which the first is scaled to other networks.
    not_counted
        Terms that an estimate by this profile leaves out, printed with it.
    """

    schema: StrictInt
    name: StrictStr
    title: StrictStr
    kind: Kind
    about: StrictStr
    energy: EventEnergy
    not_counted: tuple[StrictStr, ...]
    all_in: StrictBool = False
    capacity: Capacity | None = None
    time: EventTime | None = None
    power: ConstantPower | None = None
    memory: MemoryEnergy | None = None
    anchors: tuple[Anchor, ...] = ()
    inferences: tuple[MeasuredInference, ...] = ()

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(
                f"schema is {self.schema}, this version reads {SCHEMA}; rewrite the file by docs/profiles.md"
            )
        if self.all_in:
            self._require_one_price()
        if self.kind is not Kind.chip and (self.capacity is not None or self.time is not None):
            raise ValueError(f"capacity and time are a chip's but kind is {self.kind.value!r}; remove them or say chip")
        if self.kind is Kind.device or self.inferences:
            self._require_totals_alone()
        if self.needs_mapping:
            self._require_mappable()

    @property
    def has_prices(self) -> bool:
        """Whether it prices any event at all; one with limits, power or anchors alone makes no estimate."""
        return any(figure is not None for figure in vars(self.energy).values())

    @property
    def needs_mapping(self) -> bool:
        """Whether it prices events on a chip's cores, so that a network must be placed before it is priced."""
        return self.kind is Kind.chip and self.has_prices and not self.all_in

    def _require_one_price(self) -> None:
        others = [key for key, figure in vars(self.energy).items() if figure is not None and key != "synop"]
        if others:
            raise ValueError(f"all_in is true but energy also has {others[0]}; an all-in figure may hold synop alone")
        if self.energy.synop is None:
            raise ValueError("all_in is true but energy has no synop; give the all-in energy of a synaptic operation")
        if self.power is not None or self.memory is not None:
            raise ValueError("all_in is true but power or memory is given; it is inside the all-in figure, remove it")

    def _require_totals_alone(self) -> None:
        if self.kind is not Kind.device:
            raise ValueError(f"inferences are a device's but kind is {self.kind.value!r}; remove them or say device")
        if not self.inferences:
            raise ValueError("kind is device but inferences is missing; give a network that it ran, as measured")
        if self.has_prices or self.power is not None or self.memory is not None:
            raise ValueError("a device's inferences hold everything; remove its energy, power and memory")

    def _require_mappable(self) -> None:
        missing = (self.capacity or Capacity()).missing_for_mapping
        if missing:
            raise ValueError(
                f"capacity.{missing[0]} is missing; a chip's events can be counted only after mapping, which needs it"
            )
