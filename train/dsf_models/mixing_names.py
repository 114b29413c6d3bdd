"""Names of the spiking layers that a token mixing reads, in recorded spikes as in programs."""

from __future__ import annotations


def input_names(attention: str, levels: int) -> list[str]:
    """Names of a block's first layers, each of D neurons, in the order in which their spikes stand side by side."""
    return [f"{attention}.input"] if levels == 1 else [f"{attention}.level{level}.input" for level in range(levels)]
