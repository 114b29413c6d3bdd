"""Energy and time of single events, constant power, and energies that others measured."""

from __future__ import annotations

from pydantic import StrictStr
from pydantic.dataclasses import dataclass

from hw_profiles.figure import STRICT, Bits, Microjoules, Milliwatts, Nanoseconds, Picojoules, PicojoulesPerBit


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
        The same events as in :class:`EventEnergy`.
    barrier
        Synchronising all tiles of a chip at the end of a time step: the band is from one tile to all.
    chip_barrier
        Synchronising several chips, which takes this instead.
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
    """A measurement of a whole network on this hardware by others: printed beside an estimate, never added to it."""

    workload: StrictStr
    energy: Microjoules
