r"""The "Power" row of the Decision SpikeFormer paper's tables, column by column, from the operations of each network.

The row gives one energy a column and no sizes but those of Decision Transformer, which follow from its figure
(`hw_profiles.arithmetic.paper_convention`): L = 4, D = 128, N = 100. Here every network has them, so the figures answer
what the networks cost at one size. Behaviour cloning and CQL have no printed figure; theirs is one state through a
multi-layer perceptron.

A spiking column has one unknown, the spikes of an input over a forward pass, and one printed figure, so a solution
always exists; what it can tell is whether it is a possible one.
"""

from __future__ import annotations

from dataclasses import dataclass

from hw_profiles.arithmetic.paper_convention import (
    MICROJOULE,
    PRINTED,
    PRINTED_TRANSFORMER,
    Dimensions,
    Mixing,
    spiking_operations,
    transformer_operations,
)
from hw_profiles.profile import Profile

FCNET_MODES, FCNET_HEAD = 10, 128
FCNET_PUBLISHED_SIZE = 512  # D of its published command for D4RL, at N = 100


@dataclass(frozen=True)
class Column:
    """One network of the paper's tables.

    Attributes
    ----------
    printed
        In µJ; None where nothing is printed.
    macs
        Multiply-accumulates, of what is no spike's.
    accumulates
        Of its spiking parts, if every input spiked once in a forward pass.
    """

    name: str
    printed: float | None
    macs: float
    accumulates: float = 0.0

    def energy(self, profile: Profile, spikes_an_input: float = 1.0) -> float:
        """µJ by the paper's convention; ``profile`` is ``cmos45-paper``."""
        mac, add = _prices(profile)
        return (self.macs * mac + self.accumulates * spikes_an_input * add) / MICROJOULE

    def implied_spikes(self, profile: Profile) -> float | None:
        """Spikes of an input over a forward pass with which the printed figure comes out; None where none are asked."""
        if self.printed is None or not self.accumulates:
            return None
        mac, add = _prices(profile)
        return (self.printed * MICROJOULE - self.macs * mac) / (self.accumulates * add)


def paper_columns(size: Dimensions) -> tuple[Column, ...]:
    """The eight columns at one size."""
    ends = transformer_operations(size).embedding_and_head
    spiking = {mixing: spiking_operations(mixing, size) for mixing in Mixing}
    return (
        Column("BC", None, perceptron_macs(size, hidden=128, layers=3)),
        Column("CQL", None, perceptron_macs(size, hidden=256, layers=3)),
        Column("DT", PRINTED_TRANSFORMER.total, transformer_operations(size).total),
        Column("FCNet", 1022.03, fcnet_macs(size)),
        Column("SpikeGPT", 27.8, ends, spikegpt_operations(size)),
        Column("SpikeBERT", 806.7, ends, spikebert_operations(size)),
        *(
            Column(
                f"DSFormer, {mixing.value}",
                PRINTED[mixing].total,
                ends,
                spiking[mixing].attention + spiking[mixing].feed_forward,
            )
            for mixing in Mixing
        ),
    )


def perceptron_macs(size: Dimensions, hidden: int, layers: int) -> int:
    """One state through ``layers`` hidden layers."""
    return hidden * (size.observation + size.action) + (layers - 1) * hidden**2


def fcnet_macs(size: Dimensions) -> int:
    """FCNet over N tokens, by its recurrence.

    A token has ``2 D²`` in a block's feed-forward layer, as wide as D, and ``6 M D`` in its sliding DFT: a complex
    product (4) for each of the M modes, and the real part of another one (2). The head has 128 hidden units.
    """
    N, D, L = size.tokens, size.embedding, size.layers
    block = 2 * D**2 + 6 * FCNET_MODES * D
    ends = D * (size.observation + size.action + 1) + D * FCNET_HEAD + FCNET_HEAD * size.action
    return N * (L * block + ends)


def spikegpt_operations(size: Dimensions) -> int:
    """SpikeGPT's Linears over N tokens: ``4 D²`` of time mixing and ``9 D²`` of channel mixing a block.

    The paper prices them as accumulates. In the published network their inputs are LayerNorms' outputs, real numbers.
    """
    return 13 * size.embedding**2 * size.tokens * size.layers


def spikebert_operations(size: Dimensions) -> float:
    """SpikeBERT's over N tokens, which are TSSA's: ``12 D²`` in Linears, ``2 N D`` in attention, a token and block."""
    operations = spiking_operations(Mixing.tssa, size)
    return operations.attention + operations.feed_forward


def _prices(profile: Profile) -> tuple[float, float]:
    mac, add = profile.energy.mac, profile.energy.synop
    if mac is None or add is None:
        raise ValueError("the paper's convention prices synaptic operations and multiply-accumulates")
    return mac.value, add.value
