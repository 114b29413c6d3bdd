"""A program as the network that a mapper places on a chip.

Two graphs describe a policy, and they meet here. `neuro_runtime.program.Program` says what is computed: nodes with
their equations, connections with their weights, and the host's two ends; simulators run it.
`hw_profiles.network.Network` says what a chip has to hold: populations, and of each synapse its bits, exponent and
delay but no value; mapping, timing and energy are computed from it, by a package that stands below this one and knows
no program. A network can therefore come from a run's ``network.h5``, or be a window's, which no program is. The way
leads from program to network only:

- every node on the chip is a population, whose role is its kind;
- the token's current is no population: each injection is a current that the host brings;
- all dense connections with the same ends and delay are one projection, with a format for each of their exponents;
- a sparse connection is a projection.
"""

from __future__ import annotations

from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from hw_profiles.network import (
    ChipNetwork,
    HostCurrent,
    NeuronParameters,
    Population,
    Projection,
    Role,
    SynapseFormat,
    SynapseList,
)
from neuro_runtime.program.arrival import working_times
from neuro_runtime.program.headroom import largest_spike
from neuro_runtime.program.limits import CLEARED_CURRENT, LARGEST_DECAY, LARGEST_THRESHOLD, WEIGHT_BITS
from neuro_runtime.program.nodes import (
    Accumulator,
    And,
    BiasLine,
    GradedRelu,
    Lif,
    Neurons,
    Source,
    Sparse,
    SpikeInput,
)
from neuro_runtime.program.program import SpikingProgram
from neuro_runtime.program.weight_matrices import WeightMatrix, dense_matrices


def chip_network(program: SpikingProgram) -> ChipNetwork:
    """The network of a loihi program, in stream layout.

    The synapses of a matrix are those of :class:`~neuro_runtime.program.weight_matrices.WeightMatrix`, as for
    :class:`~neuro_runtime.backends.program_backend.ProgramMeter`; matrices of zeros are not placed. A population's
    depth is the time step of a decision in which a token first reaches it.

    Raises
    ------
    UserError
        The program is in float arithmetic, whose weights have no width.
    """
    if program.arithmetic != "loihi":
        raise UserError(
            f"a program in {program.arithmetic} arithmetic cannot be placed on a chip; export it with --target lava"
        )
    arrivals = working_times(program)
    return ChipNetwork(
        name=program.title,
        layout="stream",
        active_steps=program.active_steps,
        period=program.period,
        populations=tuple(
            _population(program, node, arrivals.get(node.name, 0) % program.period)
            for node in program.nodes
            if node.on_chip
        ),
        projections=tuple(_projections(program)),
        host_currents=tuple(_host_currents(program)),
        host_macs=program.host_macs,
    )


def _population(program: SpikingProgram, node: Source | Neurons, depth: int) -> Population:
    return Population(node.name, node.size, _role(node), depth, _parameters(program, node), origin=node.name)


def _parameters(program: SpikingProgram, node: Source | Neurons) -> NeuronParameters:
    """The integers of the neurons, in Loihi's formats; a bias line is given those of a neuron that forgets at once.

    So are graded neurons, which a chip that has them runs by a program of its own, and their payload has a sign.
    """
    if not node.has_state:
        return NeuronParameters(CLEARED_CURRENT, LARGEST_DECAY, 0)
    lif = node.as_lif("loihi")
    threshold = min(int(lif.threshold), LARGEST_THRESHOLD)
    payload = int(largest_spike(program, node.name)).bit_length() + 1 if node.graded else 0
    decays = int(lif.current_decay), min(int(lif.voltage_decay), LARGEST_DECAY)
    return NeuronParameters(*decays, threshold, payload_bits=payload, reset_step=lif.reset_step)


def _role(node: Source | Neurons) -> Role:
    match node:
        case Lif():
            return Role.lif
        case And():
            return Role.coincidence
        case GradedRelu():
            return Role.graded
        case Accumulator():
            return Role.accumulator
        case BiasLine():
            return Role.bias
        case SpikeInput():
            return Role.input
        case _:
            assert_never(node)


def _projections(program: SpikingProgram) -> list[Projection]:
    placed = [
        Projection(place.source, place.target, _matrix(matrix, place.delay))
        for place, matrix in dense_matrices(program.unfolded).items()
        if matrix.synapses.any()
    ]
    listed = [
        Projection(connection.source, connection.target, _listed(connection))
        for connection in program.unfolded
        if isinstance(connection, Sparse)
    ]
    return placed + listed


def _listed(connection: Sparse) -> SynapseList:
    return SynapseList(
        source_index=connection.source_index.astype(np.int32),
        target_index=connection.target_index.astype(np.int32),
        delay=connection.delay.astype(np.int32),
        format_index=np.zeros(len(connection.weight), dtype=np.int32),
        formats=(SynapseFormat(_weight_bits(connection.weight), connection.exponent),),
    )


def _matrix(matrix: WeightMatrix, delay: int) -> SynapseList:
    """A matrix's synapses, each in the format of the part it lies in."""
    part, target, source = np.nonzero(matrix.synapses)
    order = np.lexsort((part, target, source))
    return SynapseList(
        source_index=source[order].astype(np.int32),
        target_index=target[order].astype(np.int32),
        delay=np.full(len(order), delay, dtype=np.int32),
        format_index=part[order].astype(np.int32),
        formats=tuple(map(SynapseFormat, map(_weight_bits, matrix.parts), matrix.exponents)),
    )


def _weight_bits(weight: NDArray[Any]) -> int:
    """Bits that weights of mixed sign need: n bits hold the multiples of 2^(9 − n) from −256 to 256 − 2^(9 − n)."""
    used = int(np.bitwise_or.reduce(np.abs(np.asarray(weight, dtype=np.int64)), axis=None))
    trailing = (used & -used).bit_length() - 1 if used else WEIGHT_BITS
    return max(WEIGHT_BITS + 1 - trailing, 1)


def _host_currents(program: SpikingProgram) -> list[HostCurrent]:
    return [
        HostCurrent(
            connection.target,
            program.node(connection.target).size,
            connection.delay,
            connection.exponent,
            int(program.largest_input(connection.source).max()).bit_length() + 1,
        )
        for connection in program.injections
    ]
