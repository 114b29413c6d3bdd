"""How a token sees its past: the paper's three attentions, two others made causal, and delayed synapses.

Each mixing takes the spikes S of the block's first neurons, shape (T, tokens, D) or, with `model.levels=M`, (T, tokens,
M D), and adds a current to the residual stream. ``spikes`` collects what every spiking layer emitted, by the names that
programs use.
"""

from __future__ import annotations

from dsf_models.configuration import Mixing, ModelConfig
from dsf_models.mixing_names import delayed_part
from dsf_models.mixings.delay import DelayMixing
from dsf_models.mixings.delay_matrix import DelayMatrixMixing
from dsf_models.mixings.pssa import PSSA
from dsf_models.mixings.pssa_delay_matrix import PssaBesideDelayMatrix
from dsf_models.mixings.sdsa1 import SDSA1
from dsf_models.mixings.sdsa3 import SDSA3
from dsf_models.mixings.sssa import SSSA
from dsf_models.mixings.tssa import TSSA

PlainMixing = PSSA | SSSA | TSSA | SDSA1 | SDSA3 | DelayMixing | DelayMatrixMixing  # with one projection


TokenMixing = PlainMixing | PssaBesideDelayMatrix


def mixing_parts(mixing: TokenMixing, attention: str) -> dict[str, PlainMixing]:
    """The mixings that stand side by side in ``mixing``, in the order of their projections, by their layers' prefix."""
    if isinstance(mixing, PssaBesideDelayMatrix):
        return {delayed_part(attention): mixing.delay, attention: mixing.pssa}
    return {attention: mixing}


def token_mixing(config: ModelConfig) -> TokenMixing:
    """The token mixing that ``config.mixing`` names."""
    kinds: dict[Mixing, type[TokenMixing]] = {
        Mixing.pssa: PSSA,
        Mixing.sssa: SSSA,
        Mixing.tssa: TSSA,
        Mixing.sdsa1: SDSA1,
        Mixing.sdsa3: SDSA3,
        Mixing.delay: DelayMixing,
        Mixing.delay_matrix: DelayMatrixMixing,
        Mixing.pssa_delay_matrix: PssaBesideDelayMatrix,
    }
    return kinds[config.mixing](config)
