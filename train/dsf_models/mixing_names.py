"""What the spiking layers around a token mixing are called, in recorded spikes as in programs."""

from __future__ import annotations

from dsf_models.configuration import Mixing


def input_names(attention: str, levels: int) -> list[str]:
    """Of a block's first layers, each of D neurons, in the order in which their spikes stand side by side."""
    return [f"{attention}.input"] if levels == 1 else [f"{attention}.level{level}.input" for level in range(levels)]


def delayed_part(attention: str) -> str:
    """Of the delayed synapses that stand beside PSSA in one block, which has the block's plain names."""
    return f"{attention}.delay"


def delayed_output(mixing: Mixing, attention: str) -> str:
    """Of the neurons that a token mixing's delayed synapses lead to."""
    return f"{delayed_part(attention) if mixing is Mixing.pssa_delay_matrix else attention}.output"
