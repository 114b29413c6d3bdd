"""Delayed synapses: neurons that read the spikes of the last S tokens through a weight matrix a distance."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

from torch import Tensor, nn

from dsf_models.biased_layer import BiasedLayer, layer_biases, norm_biases
from dsf_models.mixings.token_mixing import TokenMixing, spike_count
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes
from dsf_models.spiking_layers import NormalisedLinear


class DelayedSynapses(TokenMixing):
    """``U + PTBN(W_o y)`` with ``y_i = SN(norm(Σ_{j<S} W_j s_{i−j} + b_j))``; a subclass has its own matrices W_j."""

    norm: nn.Module
    project: NormalisedLinear

    @abstractmethod
    def fire(self, inputs: Tensor, layout: TokenLayout) -> Tensor:
        """The spikes y, (T, tokens, width), from the spikes s, (T, tokens, levels D)."""

    @abstractmethod
    def present_bias(self) -> Tensor:
        """A bias before the norm, (width,), that every token brings; it is raised where there is no norm."""

    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        output = self.fire(inputs, layout)
        spikes[f"{prefix}.output"] = output
        return self.project.onto(residual, output)

    def biased_layers(self, rate: float, prefix: str) -> Iterator[BiasedLayer]:
        yield BiasedLayer(f"{prefix}.output", norm_biases(self.norm) or [self.present_bias()], rate)

    def projection_biases(self) -> list[Tensor]:
        return layer_biases(self.project)

    def window_synops(self, spikes: Spikes, inputs: int, prefix: str) -> dict[str, int]:
        output = spikes[f"{prefix}.output"]
        return {
            f"{prefix}.output": inputs * output.shape[-1] * self.config.window,
            f"{prefix}.project": spike_count(output) * self.config.embedding_size,
        }
