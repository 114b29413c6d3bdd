"""PSSA beside delayed synapses with a free matrix a delay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from dsf_models.configuration import ModelConfig
from dsf_models.mixing_names import delayed_part
from dsf_models.mixings.delay_matrix import DelayMatrixMixing
from dsf_models.mixings.pssa import PSSA
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes

if TYPE_CHECKING:
    pass


class PssaBesideDelayMatrix(nn.Module):
    """PSSA and `delay-matrix` of the same spikes: ``U + PTBN(W_o PSSA(s)) + PTBN(W_d Y(s))``."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.delay = DelayMatrixMixing(config)
        self.pssa = PSSA(config)

    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        """The residual stream (T, tokens, D) with what the spikes ``inputs`` add to it."""
        residual = self.delay(inputs, residual, layout, spikes, delayed_part(prefix))
        raised: Tensor = self.pssa(inputs, residual, layout, spikes, prefix)
        return raised
