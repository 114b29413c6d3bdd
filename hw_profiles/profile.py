"""What a profile says about one chip, counting convention or processor, and how sure it is of it.

A profile is a YAML file; these classes are its schema, field by field:

.. code-block:: yaml

    schema: 2                     # version of this schema
    name: my-chip                 # the file's name without .yaml
    title: My chip, one die       # one line for reports
    kind: chip                    # chip, convention or processor
    about: What it is and how an input current gets in.
    capacity:                     # limits; leave out what the chip does not limit
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
    not_counted: ["barrier synchronisation"]    # what an estimate by this profile leaves out, printed with it

A figure without a source, a unit other than its field's, or a key not named here does not load.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, StrictBool, StrictFloat, StrictInt, StrictStr
from pydantic.dataclasses import dataclass

SCHEMA = 2
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


class Kind(Enum):
    """What a profile describes."""

    chip = "chip"  # a network is placed on its cores before it is priced
    convention = "convention"  # prices operations wherever they happen
    processor = "processor"  # runs an artificial neural network: multiply-accumulates and weights


@dataclass(frozen=True, config=STRICT)
class Figure:
    """One number with its evidence, and a band where the evidence is one.

    Attributes
    ----------
    value, low, high
        Nominal value and band, ``low ≤ value ≤ high``; a figure without a band leaves both out.
    unit
        As its field demands.
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


def _in(unit: str, signed: bool = False) -> AfterValidator:
    """A field's check of its figure: the unit, and that it is not negative unless ``signed``."""

    def check(figure: Figure) -> Figure:
        if figure.unit != unit:
            raise ValueError(f"unit is {figure.unit!r}; it must be {unit!r}")
        if not signed and figure.band[0] < 0:
            raise ValueError(f"value {figure.value} and band {figure.band} must not be negative; check the sign")
        return figure

    return AfterValidator(check)


Picojoules = Annotated[Figure, _in("pJ")]
PicojoulesPerBit = Annotated[Figure, _in("pJ/bit")]
Microjoules = Annotated[Figure, _in("uJ")]
Nanoseconds = Annotated[Figure, _in("ns")]
Milliwatts = Annotated[Figure, _in("mW")]
Cores = Annotated[Figure, _in("cores")]
Chips = Annotated[Figure, _in("chips")]
Tiles = Annotated[Figure, _in("tiles")]
Neurons = Annotated[Figure, _in("neurons")]
Words = Annotated[Figure, _in("words")]
Bits = Annotated[Figure, _in("bits")]
SignedBits = Annotated[Figure, _in("bits", signed=True)]
Axons = Annotated[Figure, _in("axons")]
Groups = Annotated[Figure, _in("groups")]
Formats = Annotated[Figure, _in("formats")]
Synapses = Annotated[Figure, _in("synapses")]
Steps = Annotated[Figure, _in("steps")]
Slots = Annotated[Figure, _in("slots")]
YesOrNo = Annotated[Figure, _in("yes=1/no=0")]


@dataclass(frozen=True, config=STRICT)
class Capacity:
    """A chip's limits; ``None`` where it states none.

    Attributes
    ----------
    cores_per_chip, chips_per_board
        Cores that a network may use, and the chips of the largest common board.
    mesh_columns, mesh_rows, cores_per_tile
        The chip's mesh of tiles, each with a router.
    neurons_per_core, neuron_groups_per_core
        Neurons, and the groups of equal parameters they come in.
    synapse_words_per_core, word_bits
        Memory for synapses, in words of so many bits.
    words_per_axon
        Words of the synapses that one axon reaches on a core.
    axons_in_per_core, axons_out_per_core
        Neurons elsewhere that a core listens to; pairs of its own neurons and destination cores.
    synapse_formats_per_core
        Different formats (width, exponent, sign) of synapse lists.
    synapses_per_axon_block, axon_header_bits
        An axon's synapse list is cut into blocks of at most so many synapses, each with a header.
    dense_synapse_lists
        1 where a list of synapses to consecutive neurons may leave out their indices, else 0.
    longest_delay, delay_bits
        Longest delay of a synapse in time steps, and the width of its field.
    delay_slots_per_core
        Neurons of a core times the delay slots of each: a power of two, at least two more than its longest delay.
    weight_bits, smallest_weight_exponent, largest_weight_exponent
        A weight's mantissa with its sign, and the range of the power of two that scales it.
    payload_bits
        Width of a graded spike; 0 where spikes carry nothing.
    state_bits, threshold_bits, decay_bits
        Widths of a neuron's current and voltage, of its threshold's mantissa and of its decays.
    product_neurons
        1 where a neuron can multiply two graded inputs, else 0.
    """

    cores_per_chip: Cores | None = None
    chips_per_board: Chips | None = None
    mesh_columns: Tiles | None = None
    mesh_rows: Tiles | None = None
    cores_per_tile: Cores | None = None
    neurons_per_core: Neurons | None = None
    synapse_words_per_core: Words | None = None
    word_bits: Bits | None = None
    words_per_axon: Words | None = None
    axons_in_per_core: Axons | None = None
    axons_out_per_core: Axons | None = None
    neuron_groups_per_core: Groups | None = None
    synapse_formats_per_core: Formats | None = None
    synapses_per_axon_block: Synapses | None = None
    axon_header_bits: Bits | None = None
    dense_synapse_lists: YesOrNo | None = None
    longest_delay: Steps | None = None
    delay_bits: Bits | None = None
    delay_slots_per_core: Slots | None = None
    weight_bits: Bits | None = None
    smallest_weight_exponent: SignedBits | None = None
    largest_weight_exponent: SignedBits | None = None
    payload_bits: Bits | None = None
    state_bits: Bits | None = None
    threshold_bits: Bits | None = None
    decay_bits: Bits | None = None
    product_neurons: YesOrNo | None = None

    def __post_init__(self) -> None:
        for together in BELONG_TOGETHER:
            given = [key for key in together if getattr(self, key) is not None]
            if given and len(given) < len(together):
                missing = next(key for key in together if key not in given)
                raise ValueError(f"{missing} is missing; {given[0]} means nothing without it")
        cores, mesh = self.cores_per_chip, (self.mesh_columns, self.mesh_rows, self.cores_per_tile)
        places = math.prod(figure.value for figure in mesh if figure is not None)
        if cores is not None and self.mesh_columns is not None and places < cores.value:
            raise ValueError(
                f"cores_per_chip is {cores.value:g} but the mesh has {places:g} places; "
                "correct mesh_columns, mesh_rows or cores_per_tile"
            )

    @property
    def missing_for_mapping(self) -> tuple[str, ...]:
        """Keys without which no network can be placed on the chip."""
        return tuple(key for key in NEEDED_FOR_MAPPING if getattr(self, key) is None)


BELONG_TOGETHER = (
    ("mesh_columns", "mesh_rows", "cores_per_tile"),
    ("synapse_words_per_core", "word_bits"),
    ("synapses_per_axon_block", "axon_header_bits"),
    ("smallest_weight_exponent", "largest_weight_exponent"),
)
NEEDED_FOR_MAPPING = (
    "cores_per_chip",
    "mesh_columns",
    "mesh_rows",
    "cores_per_tile",
    "neurons_per_core",
    "synapse_words_per_core",
    "word_bits",
    "axons_in_per_core",
    "axons_out_per_core",
    "longest_delay",
    "weight_bits",
    "product_neurons",
)


@dataclass(frozen=True, config=STRICT)
class EventEnergy:
    """Energy of one event of each kind, in pJ; ``None`` where nobody published it.

    Attributes
    ----------
    synop
        A spike arriving at one synapse; of a profile with ``all_in``, everything else too.
    neuron_active, neuron_idle
        The whole update of a neuron in one time step, with and without something to do.
    spike_out
        Adds to the update of a neuron that fires.
    message_out, message_in
        A spike from one neuron to one destination core: sending it, and receiving it.
    hop_ew, hop_ns, chip_hop
        One message from a tile to the next, east or west, north or south; from a chip to the next.
    barrier
        Synchronising one tile at the end of one time step.
    mac, accumulate
        A multiply-accumulate and an addition outside the spiking network.
    """

    synop: Picojoules | None = None
    neuron_active: Picojoules | None = None
    neuron_idle: Picojoules | None = None
    spike_out: Picojoules | None = None
    message_out: Picojoules | None = None
    message_in: Picojoules | None = None
    hop_ew: Picojoules | None = None
    hop_ns: Picojoules | None = None
    chip_hop: Picojoules | None = None
    barrier: Picojoules | None = None
    mac: Picojoules | None = None
    accumulate: Picojoules | None = None


@dataclass(frozen=True, config=STRICT)
class EventTime:
    """Duration of one event, in ns; a core does its own one after another, cores work side by side.

    Attributes
    ----------
    synop, neuron_active, neuron_idle, spike_out, message_out, message_in, hop_ew, hop_ns
        As in :class:`EventEnergy`.
    barrier
        Synchronising all tiles of a chip at the end of a time step: the band is from one tile to all.
    chip_barrier
        What synchronising several chips takes instead.
    smallest_step
        The shortest time step that was seen on boards; the band is over networks.
    host_step
        A time step in which the host takes part, to write currents or to read spikes; the band is over networks.
    """

    synop: Nanoseconds | None = None
    neuron_active: Nanoseconds | None = None
    neuron_idle: Nanoseconds | None = None
    spike_out: Nanoseconds | None = None
    message_out: Nanoseconds | None = None
    message_in: Nanoseconds | None = None
    hop_ew: Nanoseconds | None = None
    hop_ns: Nanoseconds | None = None
    barrier: Nanoseconds | None = None
    chip_barrier: Nanoseconds | None = None
    smallest_step: Nanoseconds | None = None
    host_step: Nanoseconds | None = None


@dataclass(frozen=True, config=STRICT)
class ConstantPower:
    """Power drawn for as long as a decision lasts, in mW: leakage and idle of one chip; the host that manages it."""

    static_per_chip: Milliwatts | None = None
    host: Milliwatts | None = None


@dataclass(frozen=True, config=STRICT)
class MemoryEnergy:
    """Energy of one access to memory, either as given or by the size of the memory.

    Attributes
    ----------
    read_per_access, write_per_access, access_bits
        An access of ``access_bits`` bits, in pJ.
    base_pj, slope
        An access to a memory of ``b`` bits costs ``base_pj + slope · b``.
    word_bits
        Width of one stored value: a weight, a potential.
    """

    read_per_access: Picojoules | None = None
    write_per_access: Picojoules | None = None
    access_bits: Bits | None = None
    base_pj: Picojoules | None = None
    slope: PicojoulesPerBit | None = None
    word_bits: Bits | None = None

    def __post_init__(self) -> None:
        if (self.read_per_access is None) == (self.base_pj is None):
            raise ValueError("give either read_per_access with access_bits, or base_pj with slope")
        if (self.read_per_access is None) != (self.access_bits is None):
            raise ValueError("read_per_access and access_bits belong together; give both")
        if (self.base_pj is None) != (self.slope is None):
            raise ValueError("base_pj and slope belong together; give both")
        if self.word_bits is None:
            raise ValueError("word_bits is missing; an access reads values of some width")


@dataclass(frozen=True, config=STRICT)
class Anchor:
    """What others measured of a whole network on this hardware: printed beside an estimate, never added to it."""

    workload: StrictStr
    energy: Microjoules


@dataclass(frozen=True, config=STRICT)
class Profile:
    """One chip, convention or processor; see the module's docstring for the file it is read from.

    Attributes
    ----------
    about
        One paragraph: what it is, and for a chip how an input current gets into its neurons.
    all_in
        The one price, of a synaptic operation, was measured with everything else inside; nothing is ever added.
    not_counted
        What an estimate by this profile leaves out, printed with it.
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

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(
                f"schema is {self.schema}, this version reads {SCHEMA}; rewrite the file by docs/profiles.md"
            )
        if self.all_in:
            self._require_one_price()
        if self.kind is not Kind.chip and (self.capacity is not None or self.time is not None):
            raise ValueError(f"capacity and time are a chip's but kind is {self.kind.value!r}; remove them or say chip")
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

    def _require_mappable(self) -> None:
        missing = (self.capacity or Capacity()).missing_for_mapping
        if missing:
            raise ValueError(
                f"capacity.{missing[0]} is missing; a chip's events can be counted only after mapping, which needs it"
            )
