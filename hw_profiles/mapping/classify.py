"""The part of a chip that runs each operation of a network; an operation that none can run is never priced."""

from __future__ import annotations

from hw_profiles.capacity import Capacity
from hw_profiles.mapping.chip_mapping import Operation, OperationKind
from hw_profiles.mapping.source_numbers import carries_values
from hw_profiles.network import ChipNetwork, HostCurrent, Population, Role


def classify(network: ChipNetwork, capacity: Capacity) -> tuple[Operation, ...]:
    """The synapses of each population, its AND or product neurons, the host's currents, and the host's own part."""
    operations = [_neurons(population, capacity) for population in network.populations if population.role in _SPECIAL]
    for population in network.populations:
        synapses = sum(item.synapses.count for item in network.projections if item.target == population.name)
        if synapses:
            operations.append(
                Operation(
                    OperationKind.synaptic,
                    population.name,
                    "synapses",
                    synapses,
                    "a spike meets a stored weight",
                )
            )
    operations += [_current(current, capacity) for current in network.host_currents]
    if network.host_macs:
        why = "the embedding's normalisation and the readout are not spikes"
        operations.append(Operation(OperationKind.host, "host", "multiply-accumulates", network.host_macs, why))
    return tuple(operations)


_SPECIAL = {
    Role.coincidence: "a product of spikes is an AND: neurons whose threshold needs all their inputs at once",
    Role.product: "a product of two signals that are no spikes",
    Role.graded: "a sum that is rectified and sent as one graded spike",
}


def _neurons(population: Population, capacity: Capacity) -> Operation:
    if population.role is Role.coincidence:
        kind, why = OperationKind.coincidence, _SPECIAL[Role.coincidence]
    elif population.role is Role.graded:
        kind = OperationKind.graded if carries_values(capacity) else OperationKind.unsupported
        why = f"{_SPECIAL[Role.graded]}, which {'a' if carries_values(capacity) else 'no'} spike of this chip carries"
    elif capacity.product_neurons is not None and capacity.product_neurons.value == 1:
        kind, why = OperationKind.product, f"{_SPECIAL[Role.product]}, which neurons of this chip can multiply"
    else:
        kind, why = OperationKind.unsupported, f"{_SPECIAL[Role.product]}; no neuron of this chip multiplies"
    return Operation(kind, population.name, "neurons", population.size, why)


def _current(current: HostCurrent, capacity: Capacity) -> Operation:
    if carries_values(capacity):
        why = "computed by the host; comes in as a graded spike at a synapse in every active time step"
    else:
        why = (
            "computed by the host; spikes carry no value, so it is written into the neurons' biases and taken out again"
        )
    return Operation(OperationKind.host, current.target, "currents", current.size, why)
