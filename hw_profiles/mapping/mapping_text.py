"""A mapping as a table that a person can read."""

from __future__ import annotations

from dsf_common.text_table import text_table
from hw_profiles.mapping.chip_mapping import ChipMapping, LayerUse, ResourceUse

BINDING = "*"  # marks the resource of which most is taken


def mapping_text(mapping: ChipMapping) -> str:
    """One row a layer: cores, neurons a core, each resource of its fullest core, synapse KB, axons; then the sums."""
    resources = [name for name, use in mapping.cores[0].uses.items() if use.limit is not None]
    header = ("layer", "cores", "neurons", *(f"{name} %" for name in resources), "synapse KB", "axons in", "axons out")
    rows = [header, *(_row(layer, resources) for layer in mapping.utilisation)]
    return "\n".join([text_table(rows), "", _sums(mapping)])


def _row(layer: LayerUse, resources: list[str]) -> tuple[str, ...]:
    return (
        layer.name,
        str(layer.cores),
        str(layer.neurons_per_core),
        *(_percent(layer.resources[name], name == layer.binding) for name in resources),
        f"{layer.synapse_kb:.1f}",
        str(layer.axons_in),
        str(layer.axons_out),
    )


def _percent(use: ResourceUse, binding: bool) -> str:
    return f"{100 * use.fraction:.1f}" + (BINDING if binding else " ")


def _sums(mapping: ChipMapping) -> str:
    network = mapping.network
    return (
        f"{network.name}, {network.layout} layout, on {mapping.profile}: {len(mapping.cores)} cores in {mapping.tiles} "
        f"tiles, chips: {mapping.chips}, {network.neurons} neurons of which {mapping.relays} are relays, "
        f"{network.synapses} synapses. {BINDING} binds."
    )
