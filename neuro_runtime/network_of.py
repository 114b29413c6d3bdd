"""A program as a mapper sees it: populations, synapses without their values, the host's currents."""

from __future__ import annotations

from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from hw_profiles.network import (
    HostCurrent,
    Network,
    NeuronParameters,
    Population,
    Projection,
    Role,
    SynapseFormat,
    Synapses,
)
from neuro_runtime.program.headroom import current_bound
from neuro_runtime.program.limits import CLEARED_CURRENT, LARGEST_DECAY, LARGEST_THRESHOLD, WEIGHT_BITS
from neuro_runtime.program.nodes import (
    Accumulator,
    And,
    BiasLine,
    Dense,
    Injection,
    Lif,
    Neurons,
    Sparse,
)
from neuro_runtime.program.program import Program

WeightFormats = dict[SynapseFormat, int]


def network_of(program: Program) -> Network:
    """The network of a loihi program, in stream layout.

    Dense connections with the same ends and delay are one matrix laid out by exponents: a weight has a synapse in each
    exponent that it is not zero in, and at least one, as in
    :class:`~neuro_runtime.backends.program_backend.ProgramMeter`; matrices of zeros are not placed.

    Raises
    ------
    UserError
        The program is in float arithmetic, whose weights have no width.
    """
    if program.arithmetic != "loihi":
        raise UserError(
            f"a program in {program.arithmetic} arithmetic cannot be placed on a chip; export it with --target lava"
        )
    depths = _depths(program)
    return Network(
        name=program.environment,
        layout="stream",
        active_steps=program.active_steps,
        period=program.period,
        populations=tuple(_population(node, depths[node.name]) for node in program.nodes if node.on_chip),
        projections=tuple(_projections(program)),
        host_currents=tuple(_host_currents(program)),
        host_macs=program.encoder.weight.size + program.readout.weight.size,
    )


def _depths(program: Program) -> dict[str, int]:
    """First time step of a decision in which a token reaches each node, found in the order of the nodes."""
    depths: dict[str, int] = {}
    for node in program.nodes:
        arrivals = []
        for connection in program.connections_into(node.name):
            if isinstance(connection, Injection):
                arrivals.append(connection.delay)
            elif connection.source in depths and np.size(connection.delay):
                arrivals.append((depths[connection.source] + 1 + int(np.min(connection.delay))) % program.period)
        depths[node.name] = min(arrivals, default=0)
    return depths


def _population(node: BiasLine | Neurons, depth: int) -> Population:
    return Population(node.name, node.size, _role(node), depth, _parameters(node), origin=node.name)


def _parameters(node: BiasLine | Neurons) -> NeuronParameters:
    """The integers of the neurons, in Loihi's formats; a bias line is given those of a neuron that forgets at once."""
    if not node.has_state:
        return NeuronParameters(CLEARED_CURRENT, LARGEST_DECAY, 0)
    lif = node.as_lif("loihi")
    threshold = min(int(lif.threshold), LARGEST_THRESHOLD)
    return NeuronParameters(int(lif.current_decay), int(lif.voltage_decay), threshold)


def _role(node: BiasLine | Neurons) -> Role:
    match node:
        case Lif():
            return Role.lif
        case And():
            return Role.coincidence
        case Accumulator():
            return Role.accumulator
        case BiasLine():
            return Role.bias
        case _:
            assert_never(node)


def _projections(program: Program) -> list[Projection]:
    matrices: dict[tuple[str, str, int], list[Dense]] = {}
    listed = []
    for connection in program.connections:
        if isinstance(connection, Dense):
            matrices.setdefault((connection.source, connection.target, connection.delay), []).append(connection)
        elif isinstance(connection, Sparse):
            listed.append(Projection(connection.source, connection.target, _listed(connection)))
    placed = [
        Projection(source, target, _matrix(parts, delay))
        for (source, target, delay), parts in matrices.items()
        if any(np.any(part.weight) for part in parts)
    ]
    return placed + listed


def _listed(connection: Sparse) -> Synapses:
    return Synapses(
        source_index=connection.source_index.astype(np.int32),
        target_index=connection.target_index.astype(np.int32),
        delay=connection.delay.astype(np.int32),
        format_index=np.zeros(len(connection.weight), dtype=np.int32),
        formats=(SynapseFormat(_weight_bits(connection.weight), connection.exponent),),
    )


def _matrix(parts: list[Dense], delay: int) -> Synapses:
    """One matrix from its parts by exponent; a weight that is zero in all takes the exponent most used in its row."""
    present = np.stack([np.asarray(part.weight) != 0 for part in parts])
    usual = present.sum(axis=2).argmax(axis=0)  # a row's exponent
    rows, columns = np.nonzero(~present.any(axis=0))
    present[usual[rows], rows, columns] = True
    part, target, source = np.nonzero(present)
    order = np.lexsort((part, target, source))
    return Synapses(
        source_index=source[order].astype(np.int32),
        target_index=target[order].astype(np.int32),
        delay=np.full(len(order), delay, dtype=np.int32),
        format_index=part[order].astype(np.int32),
        formats=tuple(SynapseFormat(_weight_bits(part.weight), part.exponent) for part in parts),
    )


def _weight_bits(weight: NDArray[Any]) -> int:
    """Bits that weights of mixed sign need: n bits hold the multiples of 2^(9 − n) from −256 to 256 − 2^(9 − n)."""
    used = int(np.bitwise_or.reduce(np.abs(np.asarray(weight, dtype=np.int64)), axis=None))
    trailing = (used & -used).bit_length() - 1 if used else WEIGHT_BITS
    return max(WEIGHT_BITS + 1 - trailing, 1)


def _host_currents(program: Program) -> list[HostCurrent]:
    largest = float(np.ceil(current_bound(program.encoder) * program.encoder.input_scale).max())
    bits = int(largest).bit_length() + 1
    return [
        HostCurrent(
            connection.target, program.node(connection.target).size, connection.delay, connection.exponent, bits
        )
        for connection in program.injections
    ]
