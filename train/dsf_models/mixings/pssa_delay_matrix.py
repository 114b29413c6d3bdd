"""PSSA beside delayed synapses with a free matrix a delay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor

from dsf_models.biased_layer import BiasedLayer
from dsf_models.configuration import ModelConfig
from dsf_models.mixings.delay_matrix import DelayMatrixMixing
from dsf_models.mixings.pssa import PSSA
from dsf_models.mixings.registry import register_mixing
from dsf_models.mixings.token_mixing import TokenMixing
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes


@register_mixing("pssa-delay-matrix")
class PssaBesideDelayMatrix(TokenMixing):
    """PSSA and `delay-matrix` of the same spikes: ``U + PTBN(W_o PSSA(s)) + PTBN(W_d Y(s))``.

    PSSA's layers have the block's plain names; those of the delays have ``delay`` between.
    """

    settings: ClassVar[frozenset[str]] = DelayMatrixMixing.settings

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.delay = DelayMatrixMixing(config)
        self.pssa = PSSA(config)

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        DelayMatrixMixing.check(config)
        PSSA.check(config)

    @classmethod
    def reads(cls, config: ModelConfig) -> frozenset[str]:
        return DelayMatrixMixing.reads(config) | PSSA.reads(config)

    @classmethod
    def without_stream(cls, config: ModelConfig) -> str | None:
        return DelayMatrixMixing.without_stream(config) or PSSA.without_stream(config)

    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        residual = self.delay(inputs, residual, layout, spikes, delayed_part(prefix))
        raised: Tensor = self.pssa(inputs, residual, layout, spikes, prefix)
        return raised

    def biased_layers(self, rate: float, prefix: str) -> Iterator[BiasedLayer]:
        yield from self.delay.biased_layers(rate, delayed_part(prefix))
        yield from self.pssa.biased_layers(rate, prefix)

    def projection_biases(self) -> list[Tensor]:
        return self.pssa.projection_biases()

    def window_synops(self, spikes: Spikes, inputs: int, prefix: str) -> dict[str, int]:
        """Both projections reach the same residual stream, so they count under one name."""
        delayed = delayed_part(prefix)
        synops = self.delay.window_synops(spikes, inputs, delayed) | self.pssa.window_synops(spikes, inputs, prefix)
        synops[f"{prefix}.project"] += synops.pop(f"{delayed}.project")
        return synops


def delayed_part(prefix: str) -> str:
    """The start of the names of the delays' layers in a block whose mixing's begin with ``prefix``."""
    return f"{prefix}.delay"
