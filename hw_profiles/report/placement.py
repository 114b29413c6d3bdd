"""A mapping as the document holds it: layers on cores, and the chip's mesh with its empty cores."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from hw_profiles.capacity import Capacity
from hw_profiles.chip_events import ChipEvents
from hw_profiles.mapping.chip_mapping import ChipMapping, Core, LayerUse, OperationKind
from hw_profiles.report.document.placement import CorePlace, LayerPlace, OperationPlace, Placement, ReportedResource

Site = tuple[int, int, int]  # chip, column and row of a core


def placement_of(mapping: ChipMapping, capacity: Capacity, events: ChipEvents) -> Placement:
    """Where the network lies and what it takes; the traffic is that of the run's average decision."""
    return Placement(
        cores=len(mapping.cores),
        chips=mapping.chips,
        boards=mapping.boards,
        relays=mapping.relays,
        layers=_layers(mapping),
        mesh=_mesh(mapping, capacity, events),
        operations=_operations(mapping),
    )


def _layers(mapping: ChipMapping) -> tuple[LayerPlace, ...]:
    """The tokens' copies of a layer in a window, and its relays, are one layer here."""
    layer_of = _layer_of_each(mapping)
    uses: dict[str, list[LayerUse]] = {}
    for use in mapping.utilisation:
        uses.setdefault(layer_of[use.name], []).append(use)
    cores = {
        layer: sum(any(layer_of[part.population] == layer for part in core.slices) for core in mapping.cores)
        for layer in uses
    }
    return tuple(_layer(layer, members, cores[layer]) for layer, members in uses.items())


def _layer(name: str, uses: Sequence[LayerUse], cores: int) -> LayerPlace:
    fullest = max(uses, key=lambda use: use.resources[use.binding].fraction)
    return LayerPlace(
        name=name,
        cores=cores,
        neurons_per_core=max(use.neurons_per_core for use in uses),
        synapse_kilobytes=sum(use.synapse_kb for use in uses),
        axons_in=sum(use.axons_in for use in uses),
        axons_out=sum(use.axons_out for use in uses),
        resources=tuple(
            ReportedResource(resource, amount.used, amount.limit, resource == fullest.binding)
            for resource, amount in fullest.resources.items()
        ),
    )


def _mesh(mapping: ChipMapping, capacity: Capacity, events: ChipEvents) -> tuple[CorePlace, ...]:
    """Every core of every chip in use; a tile's cores lie in a rectangle of its own."""
    tile_columns, tile_rows, per_tile = (
        int(figure.value) if figure is not None else 1
        for figure in (capacity.mesh_columns, capacity.mesh_rows, capacity.cores_per_tile)
    )
    across = _across(per_tile)
    down = -(-per_tile // across)
    traffic = _traffic(events)
    layer_of = _layer_of_each(mapping)
    used = {
        _site(core, across, down): _core_place(_site(core, across, down), core, traffic[index], layer_of)
        for index, core in enumerate(mapping.cores)
    }
    sites = itertools.product(range(mapping.chips), range(tile_columns * across), range(tile_rows * down))
    return tuple(used.get(site) or CorePlace(*site, (), 0, 0.0, "", 0.0) for site in sites)


def _across(cores_per_tile: int) -> int:
    """Columns of a tile's cores, as near to a square as they go."""
    return max(
        width for width in range(1, cores_per_tile + 1) if cores_per_tile % width == 0 and width**2 <= cores_per_tile
    )


def _site(core: Core, across: int, down: int) -> Site:
    place = core.place
    row, column = divmod(place.index_in_tile, across)
    return place.chip, place.tile_x * across + column, place.tile_y * down + row


def _core_place(site: Site, core: Core, traffic: float, layer_of: Mapping[str, str]) -> CorePlace:
    fullest = max(core.uses, key=lambda resource: core.uses[resource].fraction)
    layers = tuple(dict.fromkeys(layer_of[part.population] for part in core.slices))
    return CorePlace(*site, layers, core.neurons, core.uses[fullest].fraction, fullest, traffic)


def _layer_of_each(mapping: ChipMapping) -> dict[str, str]:
    """The program's population that each placed one repeats."""
    return {population.name: population.origin for population in mapping.network.populations}


def _traffic(events: ChipEvents) -> list[float]:
    """Messages that leave or reach each core in a decision."""
    traffic: list[float] = (events.messages_in + events.messages_out).sum(axis=1).tolist()
    return traffic


def _operations(mapping: ChipMapping) -> tuple[OperationPlace, ...]:
    """The tokens' copies of an operation in a window are one here, and their counts are added."""
    layer_of = _layer_of_each(mapping)
    counts: dict[tuple[str, str, OperationKind, str], int] = {}
    for operation in mapping.operations:
        key = (layer_of.get(operation.layer, operation.layer), operation.what, operation.kind, operation.why)
        counts[key] = counts.get(key, 0) + operation.count
    return tuple(
        OperationPlace(layer, what, kind.value, count, why) for (layer, what, kind, why), count in counts.items()
    )
