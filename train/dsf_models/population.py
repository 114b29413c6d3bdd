"""Population codes: several neurons a channel, each with a threshold of its own, so to say.

A neuron tells on which side of one plane a token lies; M of them between which of M planes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif

INITIAL_REACH = 1.0  # of the offsets: about the deviation of a token's current, which is a LayerNorm's


class PopulationLif(nn.Module):
    """M copies of each channel's neuron: ``S_m = SN(U + o_m)``, o (M, D) learned, spread over [−1, 1] at the start.

    Takes U, (T, tokens, D), and gives (T, tokens, M D), copy after copy.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        spread = torch.linspace(-INITIAL_REACH, INITIAL_REACH, config.levels)
        self.offset = nn.Parameter(spread[:, None].repeat(1, config.embedding_size))
        self.neuron = Lif.of(config)

    def forward(self, current: Tensor) -> Tensor:
        """Spikes, 0.0 or 1.0."""
        spikes: Tensor = self.neuron((current[..., None, :] + self.offset).flatten(-2))
        return spikes


def input_neurons(config: ModelConfig) -> Lif | PopulationLif:
    """The first neurons of a block, which its token mixing reads."""
    return Lif.of(config) if config.levels == 1 else PopulationLif(config)
