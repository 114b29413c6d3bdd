"""The limits of a chip."""

from __future__ import annotations

import math

from pydantic.dataclasses import dataclass

from hw_profiles.figure import (
    STRICT,
    AxonCount,
    Bits,
    ChipCount,
    CoreCount,
    FormatCount,
    GroupCount,
    NeuronCount,
    SignedBits,
    SlotCount,
    StepCount,
    SynapseCount,
    TileCount,
    WeightUnits,
    WordCount,
    YesOrNo,
)


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
    smallest_threshold
        The smallest mantissa of a threshold.
    weight_shift
        Bits by which weights and thresholds are shifted to meet a state.
    accumulator_bits
        Bits, without the sign, in which what synapses bring a neuron in one time step is added up, and wraps.
    smallest_exact_weight_exponent
        The smallest power of two that means the same for each weight as for their sum. Below it, bits are lost.
    bias_bits, largest_bias_exponent
        A bias: the mantissa without its sign, and the largest power of two.
    bias_wraps_with_current
        1 where current + bias wraps before it meets the voltage; 0 where the bias is added after the current wrapped.
    voltage_floor_bits
        Bits n of the lowest floor −(2^n − 1) that a voltage can be given.
    resets
        1 where neurons can be reset in one time step of each of a policy's decisions, else 0.
    product_neurons
        1 where a neuron can multiply two graded inputs, else 0.
    """

    cores_per_chip: CoreCount | None = None
    chips_per_board: ChipCount | None = None
    mesh_columns: TileCount | None = None
    mesh_rows: TileCount | None = None
    cores_per_tile: CoreCount | None = None
    neurons_per_core: NeuronCount | None = None
    synapse_words_per_core: WordCount | None = None
    word_bits: Bits | None = None
    words_per_axon: WordCount | None = None
    axons_in_per_core: AxonCount | None = None
    axons_out_per_core: AxonCount | None = None
    neuron_groups_per_core: GroupCount | None = None
    synapse_formats_per_core: FormatCount | None = None
    synapses_per_axon_block: SynapseCount | None = None
    axon_header_bits: Bits | None = None
    dense_synapse_lists: YesOrNo | None = None
    longest_delay: StepCount | None = None
    delay_bits: Bits | None = None
    delay_slots_per_core: SlotCount | None = None
    weight_bits: Bits | None = None
    smallest_weight_exponent: SignedBits | None = None
    largest_weight_exponent: SignedBits | None = None
    payload_bits: Bits | None = None
    state_bits: Bits | None = None
    threshold_bits: Bits | None = None
    decay_bits: Bits | None = None
    smallest_threshold: WeightUnits | None = None
    weight_shift: Bits | None = None
    accumulator_bits: Bits | None = None
    smallest_exact_weight_exponent: SignedBits | None = None
    bias_bits: Bits | None = None
    largest_bias_exponent: Bits | None = None
    bias_wraps_with_current: YesOrNo | None = None
    voltage_floor_bits: Bits | None = None
    resets: YesOrNo | None = None
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
    ("bias_bits", "largest_bias_exponent"),
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
