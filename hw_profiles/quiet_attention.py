"""An attention that hardly fires has no part in the actions, whatever the score says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

QUIET = 0.01  # spikes a channel and time step
OUTPUT, MIXING, READER = ".attention.output", ".attention.", ".mlp.input"


class Layer(Protocol):
    """A layer in an average decision; a target that does not spike has no firing rate."""

    @property
    def name(self) -> str:
        """The layer."""

    @property
    def firing_rate(self) -> float | None:
        """Spikes a neuron and time step."""

    @property
    def spikes(self) -> float:
        """Spikes of all its neurons."""


def quiet_attention(layers: Sequence[Layer]) -> str | None:
    """A sentence on the attentions whose output fires in less than 1 % of its time steps; None where there is none.

    A lean program has lost the channels that never fire, so the rate is one of all channels: as many as neurons of the
    block's MLP read. An attention that is gone altogether is named as well.
    """
    by_name = {layer.name: layer for layer in layers}
    blocks = [name.removesuffix(READER) for name in by_name if name.endswith(READER)]
    gone = [block for block in blocks if not any(name.startswith(f"{block}{MIXING}") for name in by_name)]
    rates = {name.removesuffix(OUTPUT): _rate(by_name, name) for name in by_name if name.endswith(OUTPUT)}
    quiet = {block: rate for block, rate in rates.items() if rate is not None and rate < QUIET}
    told = []
    if quiet:
        of_blocks = ", ".join(f"{block} {100 * rate:.2g} %" for block, rate in quiet.items())
        told.append(f"The token mixing is all but silent: its output fires in {of_blocks} of (channel, time step).")
    if gone:
        told.append(f"No neuron of the token mixing is in {' and '.join(gone)}, so no action depends on it.")
    return " ".join(told) or None


def _rate(layers: dict[str, Layer], output: str) -> float | None:
    """Spikes of an output a channel and time step."""
    reader, rate = layers.get(output.removesuffix(OUTPUT) + READER), layers[output].firing_rate
    if rate is None or reader is None or not reader.firing_rate:
        return rate
    return layers[output].spikes * reader.firing_rate / reader.spikes
