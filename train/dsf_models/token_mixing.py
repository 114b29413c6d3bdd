"""How a token sees its past: the paper's three attentions, two others made causal, and delayed synapses.

Each mixing takes the spikes S of the block's first neurons, shape (T, tokens, D) or, with `model.levels=M`, (T, tokens,
M D), and adds a current to the residual stream. ``spikes`` collects what every spiking layer emitted, by the names that
programs use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dsf_models import kernels
from dsf_models.carried import fire_in_turn
from dsf_models.configuration import BiasSharing, Mixing, ModelConfig, PositionBias
from dsf_models.lif import Lif
from dsf_models.mixing_names import delayed_part
from dsf_models.normalisation import kernel_norm
from dsf_models.normalisation_choice import normalisation
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes
from dsf_models.precision import multiply

if TYPE_CHECKING:
    from dsf_models.kernels.layer import Layer


class SpikingLinear(nn.Module):
    """SN(PTBN(W s + b)): one layer of spiking neurons."""

    def __init__(self, inputs: int, outputs: int, config: ModelConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.norm = normalisation(outputs, config)
        self.neuron = Lif(config.beta, config.threshold)

    def forward(self, spikes: Tensor) -> Tensor:
        """(T, tokens, inputs) spikes -> (T, tokens, outputs) spikes."""
        return fire_layers(spikes, [self])


class NormalisedLinear(nn.Module):
    """PTBN(W s + b): from spikes to a current."""

    def __init__(self, inputs: int, outputs: int, config: ModelConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.norm = normalisation(outputs, config)

    def forward(self, spikes: Tensor) -> Tensor:
        """(T, tokens, inputs) spikes -> (T, tokens, outputs) current."""
        layer = served_layers(spikes, [self])
        if layer is None:
            current: Tensor = self.norm(linear(self.linear, spikes))
            return current
        from dsf_models.kernels.layer import current_layer  # here, since numba need not be installed

        return current_layer(spikes, layer[0])

    def onto(self, residual: Tensor, spikes: Tensor) -> Tensor:
        """The residual stream (T, tokens, outputs) with this current added."""
        layer = served_layers(spikes, [self])
        if layer is None:
            raised: Tensor = residual + self(spikes)
            return raised
        from dsf_models.kernels.layer import current_layer  # here, since numba need not be installed

        return current_layer(spikes, layer[0], residual)


def fire_layers(spikes: Tensor, layers: Sequence[SpikingLinear]) -> Tensor:
    """What ``layers`` emit, side by side, from the spikes that all of them read: (T, tokens, ΣD)."""
    served = served_layers(spikes, layers)
    if served is not None:
        from dsf_models.kernels.layer import spiking_layer  # here, since numba need not be installed

        return spiking_layer(spikes, served, layers[0].neuron.constants())
    each = [layer.neuron(layer.norm(linear(layer.linear, spikes))) for layer in layers]
    return each[0] if len(each) == 1 else torch.cat(each, dim=-1)


def served_layers(spikes: Tensor, layers: Sequence[SpikingLinear | NormalisedLinear]) -> list[Layer] | None:
    """``layers`` as kernels take them, where they serve all of them, given ``spikes`` (T, tokens, inputs)."""
    widths = {layer.linear.out_features for layer in layers}
    if len(widths) > 1 or not kernels.serve_rows(layers[0].linear.weight, spikes):
        return None
    norms = [kernel_norm(layer.norm) for layer in layers]
    if None in norms:
        return None
    from dsf_models.kernels.layer import Layer  # here, since numba need not be installed

    return [Layer(layer.linear, norm) for layer, norm in zip(layers, norms, strict=True) if norm is not None]


def linear(layer: nn.Linear, spikes: Tensor) -> Tensor:
    """``layer(spikes)``."""
    if not layer.training or not kernels.serves(layer.weight):
        return multiply(layer, spikes)
    from dsf_models.kernels import spike_linear  # here, since numba need not be installed

    return spike_linear.linear(layer, spikes)


class RelativeWeights(nn.Module):
    """Weights p of a token's last S tokens, a vector a layer, a head or a channel.

    Parameters
    ----------
    initial
        Value of every weight at the start; the paper's is 1.
    """

    def __init__(self, config: ModelConfig, sharing: BiasSharing, initial: float = 1.0) -> None:
        super().__init__()
        groups = {
            BiasSharing.layer: 1,
            BiasSharing.head: config.heads,
            BiasSharing.channel: config.embedding_size,
        }[sharing]
        self.weight = nn.Parameter(torch.full((config.window, groups), initial))
        self.channels = config.embedding_size

    def per_channel(self) -> Tensor:
        """p as (S, D), p[d] weighing the token d places back."""
        return self.weight.repeat_interleave(self.channels // self.weight.shape[1], dim=1)

    def forward(self, windows: Tensor) -> Tensor:
        """``y_i = Σ_{d<S, d≤i} p_d ⊙ x_{i−d}`` over windows (T, B, K, D)."""
        if self.weight.shape[1] == 1:
            return self._toeplitz(windows.shape[2]) @ windows
        weight = self.per_channel()
        mixed = windows * weight[0]
        for distance in range(1, min(len(weight), windows.shape[2])):
            mixed[:, :, distance:] += windows[:, :, :-distance] * weight[distance]
        return mixed

    def _toeplitz(self, tokens: int) -> Tensor:
        """The layer's one vector as a (K, K) matrix, so that the sum is one product."""
        place = torch.arange(tokens, device=self.weight.device)
        distance = place[:, None] - place[None, :]
        seen = (distance >= 0) & (distance < len(self.weight))
        return self.weight[distance.clamp(0, len(self.weight) - 1), 0] * seen


class PairwiseWeights(nn.Module):
    """The published code's P: one learned weight a pair of places (i, j) of the window, ``j ≤ i`` and ``i − j < S``.

    A window of fewer than K tokens holds the last places, as if it were padded on the left like every other.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.context, config.context))
        place = torch.arange(config.context)
        distance = place[:, None] - place[None, :]
        self.register_buffer("seen", (distance >= 0) & (distance < config.window), persistent=False)
        self.seen: Tensor

    def forward(self, windows: Tensor) -> Tensor:
        """``y_i = Σ_j P_ij x_j`` over windows (T, B, K, D)."""
        tokens = windows.shape[2]
        return (self.weight * self.seen)[-tokens:, -tokens:] @ windows


class _Attention(nn.Module):
    """What the paper's attentions share: the spikes q, k, v, the spiking sum and the output projection."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size, inputs = config.embedding_size, config.mixing_inputs
        self.query = SpikingLinear(inputs, size, config)
        self.key = SpikingLinear(inputs, size, config)
        self.value = SpikingLinear(inputs, size, config)
        self.neuron = Lif(config.beta, config.threshold)
        self.project = NormalisedLinear(size, size, config)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        """Current of the attention sum, (T, tokens, D), from spikes of that shape."""
        raise NotImplementedError

    def fire(self, factors: Tensor, layout: TokenLayout) -> Tensor:
        """Spikes of the attention, (T, tokens, D), from q, k and v side by side, (T, tokens, 3D)."""
        query, key, value = factors.chunk(3, dim=-1)
        output: Tensor = self.neuron(self.attend(query, key, value, layout))
        return output

    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        """The residual stream (T, tokens, D) with what the spikes ``inputs`` add to it."""
        factors = fire_layers(inputs, [self.query, self.key, self.value])
        output = self.fire(factors, layout)
        record_attention(spikes, prefix, factors, output)
        return self.project.onto(residual, output)


def record_attention(spikes: Spikes, prefix: str, factors: Tensor, output: Tensor) -> None:
    """Record q, k and v, which stand side by side, and what the attention emits."""
    named = zip(("query", "key", "value"), factors.chunk(3, dim=-1), strict=True)
    spikes.update({f"{prefix}.{name}": layer for name, layer in named})
    spikes[f"{prefix}.output"] = output


class PSSA(_Attention):
    """Positional spiking self-attention (eqs. 6, 7): ``q_i ⊙ Σ_{j≤i} P_ij (k_j ⊙ v_j)``, P zero beyond S tokens."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.position: RelativeWeights | PairwiseWeights
        if config.position_bias is PositionBias.pairwise:
            self.position = PairwiseWeights(config)
        else:
            self.position = RelativeWeights(config, config.bias_sharing)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        return query * layout.pack(self.position(layout.unpack(key * value)))

    def fire(self, factors: Tensor, layout: TokenLayout) -> Tensor:
        compiled = self.training and kernels.serves(factors) and layout.is_left_padded
        if not compiled or not isinstance(self.position, RelativeWeights):
            return super().fire(factors, layout)
        from dsf_models.kernels.pssa import fire_gated  # here, since numba need not be installed

        return fire_gated(factors, self.position.per_channel(), layout.bounds(), self.neuron.constants())


class _MapAttention(_Attention):
    """Attentions with a map between all tokens; heads divide the channels."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.heads = config.heads

    def _split(self, spikes: Tensor, layout: TokenLayout) -> Tensor:
        """(T, tokens, D) -> (T, B, heads, K, D / heads)."""
        windows = layout.unpack(spikes)
        return windows.view(*windows.shape[:3], self.heads, -1).transpose(2, 3)

    def _merge(self, windows: Tensor, layout: TokenLayout) -> Tensor:
        """(T, B, heads, K, D / heads) -> (T, tokens, D)."""
        return layout.pack(windows.transpose(2, 3).flatten(3))


class SSSA(_MapAttention):
    """Step spiking self-attention (eq. 4): ``(M ⊙ (qᵗ kᵗᵀ)) vᵗ`` at each time step, M causal."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        q, k, v = (self._split(spikes, layout) for spikes in (query, key, value))
        return self._merge((q @ k.transpose(-2, -1)).tril() @ v, layout)


class TSSA(_MapAttention):
    """Temporal spiking self-attention (eq. 5): one map ``M ⊙ Σ_t qᵗ kᵗᵀ`` for all time steps of v."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        q, k, v = (self._split(spikes, layout) for spikes in (query, key, value))
        return self._merge((q @ k.transpose(-2, -1)).sum(0).tril() @ v, layout)


class SDSA1(_Attention):
    """SDSA-1 (Spike-driven Transformer, 2023) made causal: ``q_i ⊙ SN(Σ_{j≤i} k_j ⊙ v_j)``, spikes as they are.

    As published, for images, the sum runs over all tokens; here over those that a policy has seen, j ≤ i.
    """

    def fire(self, factors: Tensor, layout: TokenLayout) -> Tensor:
        query, key, value = factors.chunk(3, dim=-1)
        past: Tensor = self.neuron(layout.pack(layout.unpack(key * value).cumsum(dim=2)))
        return query * past


class SDSA3(_MapAttention):
    """SDSA-3 (Meta-SpikeFormer, 2024) made causal: ``SN(0.125 · q_i (Σ_{j≤i} k_jᵀ v_j))`` at each time step.

    As published the sum runs over all tokens; the scale is the published one, whatever the width of a head. Computed as
    ``(M ⊙ q kᵀ) v``, the same numbers without a matrix a token.
    """

    SCALE = 0.125

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        q, k, v = (self._split(spikes, layout) for spikes in (query, key, value))
        return self.SCALE * self._merge((q @ k.transpose(-2, -1)).tril() @ v, layout)


class DelayMixing(nn.Module):
    """Delayed synapses: ``y_i = SN(PTBN(Σ_{j<S} p_j ⊙ PTBN(W_v s_{i−j})))``, p a vector a channel.

    Folded, it is one weight matrix a delay, ``W_j = diag(g₂ p_j g₁) W_v``: no gate and no product of two signals.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.embedding_size
        self.value = NormalisedLinear(config.mixing_inputs, size, config)
        self.position = RelativeWeights(config, BiasSharing.channel)
        nn.init.normal_(self.position.weight, mean=1 / config.window, std=1 / config.window)
        self.norm = normalisation(size, config)
        self.neuron = Lif(config.beta, config.threshold)
        self.project = NormalisedLinear(size, size, config)

    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        """The residual stream (T, tokens, D) with what the spikes ``inputs`` add to it."""
        mixed = layout.pack(self.position(layout.unpack(self.value(inputs))))
        output = self.neuron(self.norm(mixed))
        spikes[f"{prefix}.output"] = output
        return self.project.onto(residual, output)


class DelayMatrixMixing(nn.Module):
    """Delayed synapses with a free matrix a delay: ``y_i = SN(PTBN(Σ_{j<S} (W_j s_{i−j} + b_j)))``.

    The sum is over tokens that exist. `delay` gives each neuron one combination of channels and weighs it by distance;
    here a neuron combines other channels at each distance, so that "was there, is here now" is one neuron's answer.
    There are ``mixing_ratio`` D such neurons: what they compare is fine, and each of them answers yes or no.

    With ``mixing_rank`` R, ``W_j = A_j B``: all distances look at the same R sums of channels, B (R, D), which are no
    neurons. With ``carry_membranes`` SN does not start anew with each token (`dsf_models.carried`).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size, width, inputs = config.embedding_size, config.mixing_width, config.mixing_inputs
        self.window = config.window
        self.carries = config.carry_membranes
        self.shared = shared_factor(config.mixing_rank, inputs) if config.mixing_rank else None  # B
        self.linear = nn.Linear(config.mixing_rank or inputs, config.window * width)  # W_0 or A_0, b_0, W_1, …
        self.norm = normalisation(width, config)
        self.neuron = Lif(config.beta, config.threshold)
        self.project = NormalisedLinear(width, size, config)

    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        """The residual stream (T, tokens, D) with what the spikes ``inputs`` add to it."""
        terms = layout.unpack(self._terms(inputs)).chunk(self.window, dim=-1)
        current = self.norm(layout.pack(sum_of_past(terms)))
        output = fire_in_turn(self.neuron, current, layout) if self.carries else self.neuron(current)
        spikes[f"{prefix}.output"] = output
        return self.project.onto(residual, output)

    def _terms(self, inputs: Tensor) -> Tensor:
        """``W_j s + b_j`` of every distance j, side by side, (T, tokens, S width)."""
        if self.shared is None:
            return linear(self.linear, inputs)
        terms: Tensor = self.linear(inputs @ self.shared.T)  # of sums, which are no spikes
        return terms


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


def shared_factor(rank: int, inputs: int) -> nn.Parameter:
    """B (rank, inputs), of a deviation at the start with which A B has A's."""
    return nn.Parameter(torch.randn(rank, inputs) / rank**0.5)


def sum_of_past(terms: Sequence[Tensor]) -> Tensor:
    """``y_i = Σ_{d≤i} terms[d]_{i−d}`` over windows (T, B, K, D)."""
    total = terms[0].clone()
    for distance, term in enumerate(terms[1 : total.shape[2]], start=1):
        total[:, :, distance:] += term[:, :, :-distance]
    return total


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
