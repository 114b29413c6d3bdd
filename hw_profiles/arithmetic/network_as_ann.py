"""The policy's own network with numbers instead of spikes: what one decision of it would compute."""

from __future__ import annotations

import numpy as np

from hw_profiles.arithmetic.mac_counts import MacCounts
from hw_profiles.network import ChipNetwork, Indices, Projection, Role

PRODUCTS = (Role.coincidence, Role.product)
NO_ARITHMETIC = (Role.bias, Role.input, Role.relay)


def network_as_ann_macs(network: ChipNetwork) -> MacCounts:
    """Multiply-accumulates of one decision of the same network as an artificial neural network.

    Every weight is one multiply-accumulate, also where it is stored as several synapses of different exponents, with
    three exceptions: a neuron that multiplies or ANDs is one product and no weight; a bias is an addition; and a matrix
    that the spiking network holds once for each layer that reads the residual stream is multiplied once. (Such copies
    leave one population for targets of different depth; those into the accumulator are folded with the head, so they
    count as the head.) The host's encoder and readout count as they are. In a stream, values of earlier tokens are
    kept, as a cache would.

    Parameters
    ----------
    network
        Before mapping, so without relays.
    """
    computed = [projection for projection in network.projections if _is_computed(projection, network)]
    matrices = [projection for projection in computed if network.population(projection.target).role not in PRODUCTS]
    weights = sum(_weights(projection) for projection in matrices)
    products = sum(population.size for population in network.populations if population.role in PRODUCTS)
    mixing = sum(_mixing(projection, network) for projection in matrices)
    past = [_past_values(population.name, network) for population in network.populations]
    return MacCounts(
        total=weights + products + network.host_macs,
        attention=mixing + products,
        weights_read=weights + network.host_macs,
        state_read=sum(read for read, _ in past),
        state_written=sum(written for _, written in past),
    )


def _is_computed(projection: Projection, network: ChipNetwork) -> bool:
    """Whether an ANN would multiply by these synapses: no bias, no relay, no second copy of a matrix."""
    source, target = network.population(projection.source), network.population(projection.target)
    if source.role in NO_ARITHMETIC or target.role in NO_ARITHMETIC:
        return False
    if target.role is Role.accumulator or target.role in PRODUCTS:
        return True
    return target.depth == min(
        other.depth
        for other in (network.population(each.target) for each in network.projections if each.source == source.name)
        if other.role not in (Role.accumulator, *PRODUCTS)
    )


def _weights(projection: Projection, shortest_delay: int = 0) -> int:
    """Weights of at least so long a delay: synapses that differ in exponent alone are one."""
    synapses = projection.synapses
    chosen = synapses.delay >= shortest_delay
    return _different(synapses.source_index[chosen], synapses.target_index[chosen], synapses.delay[chosen])


def _mixing(projection: Projection, network: ChipNetwork) -> int:
    """Weights that mix tokens: those of products, and those of an earlier token's spikes."""
    of_products = network.population(projection.source).role in PRODUCTS
    return _weights(projection, shortest_delay=0 if of_products else network.period)


def _past_values(source: str, network: ChipNetwork) -> tuple[int, int]:
    """Values of one population's earlier tokens that a decision reads, and of its newest that it keeps."""
    if network.population(source).role in NO_ARITHMETIC:
        return 0, 0
    leaving = [projection.synapses for projection in network.projections if projection.source == source]
    empty = np.empty(0, np.int32)
    neurons = np.concatenate([empty, *(synapses.source_index for synapses in leaving)])
    tokens = np.concatenate([empty, *(synapses.delay for synapses in leaving)]) // network.period
    earlier = tokens >= 1
    return _different(neurons[earlier], tokens[earlier]), _different(neurons[earlier])


def _different(*columns: Indices) -> int:
    """Different rows of equally long columns."""
    return int(np.unique(np.stack(columns), axis=1).shape[1])
