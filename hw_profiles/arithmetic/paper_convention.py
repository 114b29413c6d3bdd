r"""The energies that the Decision SpikeFormer paper prints (CVPR 2025), rebuilt from its dimensions.

Its convention: ``E = 4.6 pJ · MACs (ANN parts) + 0.9 pJ · Σ T · rate · FLOPs (spiking parts)``, 1 FLOP = 1 MAC, fp32 in
45 nm, one forward pass over all N tokens. Its table is headed "Power (J)" and holds µJ.

Decision Transformer's two figures follow exactly from L = 4, D = 128, N = 100 and hopper's dimensions, so those are
taken as what it used. The spiking figures also need firing rates, which it does not print. Two figures (total,
attention) leave exactly two unknowns (``T · rate`` inside attention and elsewhere), so :func:`implied_spikes` always
finds a solution: that it reproduces the figures proves nothing. That the solution lies above 1 in every part does say
something: a synapse passes more than one spike a forward pass, so the printed saving of 78.4 % is the price of an
accumulate against a MAC, not sparsity.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hw_profiles.figure import Figure
from hw_profiles.profile import Profile

MICROJOULE = 1e6  # in pJ


@dataclass(frozen=True)
class Dimensions:
    """Sizes of the networks that the paper's table of energies compares.

    Attributes
    ----------
    layers, embedding, tokens
        L, D and N.
    observation, action
        Hopper's.
    window
        S, how many tokens PSSA looks back.
    """

    layers: int = 4
    embedding: int = 128
    tokens: int = 100
    observation: int = 11
    action: int = 3
    window: int = 8


@dataclass(frozen=True)
class Operations:
    """Operations of one forward pass by part; of a spiking part, if every input spiked once."""

    attention: float
    feed_forward: float
    embedding_and_head: float

    @property
    def total(self) -> float:
        """All parts."""
        return self.attention + self.feed_forward + self.embedding_and_head


@dataclass(frozen=True)
class PartEnergy:
    """Energy of one forward pass in µJ: all of it, and the share of attention with its projections."""

    total: float
    attention: float


@dataclass(frozen=True)
class SpikesPerInput:
    """T · rate: spikes of one input over a forward pass, inside attention and in the feed-forward layers."""

    attention: float
    feed_forward: float


class Mixing(Enum):
    """The spiking attentions whose energy the paper prints."""

    tssa = "TSSA"
    pssa = "PSSA"


PRINTED_TRANSFORMER = PartEnergy(total=410.5, attention=168.2)
PRINTED = {Mixing.tssa: PartEnergy(total=96.1, attention=44.6), Mixing.pssa: PartEnergy(total=88.8, attention=31.0)}


def transformer_operations(size: Dimensions) -> Operations:
    """MACs of Decision Transformer: attention ``4D²NL + 2N²DL + 3N²L`` (the last for the softmax)."""
    N, D, L = size.tokens, size.embedding, size.layers
    return Operations(4 * D**2 * N * L + 2 * N**2 * D * L + 3 * N**2 * L, 8 * D**2 * N * L, _ends(size))


def spiking_operations(mixing: Mixing, size: Dimensions) -> Operations:
    """FLOPs of DSFormer: attention ``4D²NL`` and ``2N²DL`` (TSSA) or ``NSDL`` (PSSA, whose products are ANDs)."""
    N, D, L = size.tokens, size.embedding, size.layers
    tokens_mixed = 2 * N**2 * D * L if mixing is Mixing.tssa else N * size.window * D * L
    return Operations(4 * D**2 * N * L + tokens_mixed, 8 * D**2 * N * L, _ends(size))


def transformer_energy(profile: Profile, size: Dimensions = Dimensions()) -> PartEnergy:
    """Decision Transformer by the paper's convention; ``profile`` is ``cmos45-paper``."""
    mac = _price(profile.energy.mac)
    operations = transformer_operations(size)
    return PartEnergy(operations.total * mac / MICROJOULE, operations.attention * mac / MICROJOULE)


def spiking_energy(
    mixing: Mixing, spikes: SpikesPerInput, profile: Profile, size: Dimensions = Dimensions()
) -> PartEnergy:
    """DSFormer by the paper's convention, with so many spikes an input; embedding and head stay MACs."""
    operations, add = spiking_operations(mixing, size), _price(profile.energy.synop)
    attention = operations.attention * spikes.attention * add
    rest = operations.feed_forward * spikes.feed_forward * add + operations.embedding_and_head * _price(
        profile.energy.mac
    )
    return PartEnergy((attention + rest) / MICROJOULE, attention / MICROJOULE)


def implied_spikes(mixing: Mixing, profile: Profile, size: Dimensions = Dimensions()) -> SpikesPerInput:
    """The spikes an input that the printed energies imply: two figures, two unknowns, always solvable."""
    operations, add, printed = spiking_operations(mixing, size), _price(profile.energy.synop), PRINTED[mixing]
    rest = (printed.total - printed.attention) * MICROJOULE - operations.embedding_and_head * _price(profile.energy.mac)
    return SpikesPerInput(
        attention=printed.attention * MICROJOULE / add / operations.attention,
        feed_forward=rest / add / operations.feed_forward,
    )


def accumulates(mixing: Mixing, spikes: SpikesPerInput, size: Dimensions = Dimensions()) -> float:
    """Accumulates of one forward pass, the spiking parts alone."""
    operations = spiking_operations(mixing, size)
    return operations.attention * spikes.attention + operations.feed_forward * spikes.feed_forward


def _ends(size: Dimensions) -> int:
    """Embedding of state, action and return-to-go, and the head, for every token."""
    return size.tokens * size.embedding * (size.observation + size.action + 1 + size.action)


def _price(figure: Figure | None) -> float:
    if figure is None:
        raise ValueError("the paper's convention prices synaptic operations and multiply-accumulates")
    return figure.value
