"""The DSFormer as one would first write it: the baseline that the trainer's speed is measured against.

Neurons are a Python loop over time steps, layer norm and batch norm are modules of their own, q, k and v are three
Linears, and autograd goes through every operation. Parameters have the names of `dsf_models.DSFormer`, so the weights
of one load into the other, and loss and gradients are the same (`tests/dsf_models/test_plain_dsformer.py`). Only PSSA
with one vector of relative weights a layer is here.
"""

from __future__ import annotations

from collections.abc import Callable

import snntorch
import torch
from torch import Tensor, nn

from dsf_models.configuration import ModelConfig
from dsf_models.surrogates import PUBLISHED

NeuronFactory = Callable[[ModelConfig], nn.Module]


class _Context(torch.autograd.function.FunctionCtx):
    saved_tensors: tuple[Tensor, ...]


class Threshold(torch.autograd.Function):
    """Θ(x) with gradient 1 where ``|x| < 0.5``: the surrogate of the paper's code, in snnTorch's form."""

    @staticmethod
    def forward(ctx: _Context, excess: Tensor) -> Tensor:
        ctx.save_for_backward(excess)
        spikes: Tensor = (excess > 0).to(excess.dtype)
        return spikes

    @staticmethod
    def backward(ctx: _Context, *grad_outputs: Tensor) -> Tensor:
        (excess,) = ctx.saved_tensors
        near: Tensor = (excess.abs() < PUBLISHED.half_width).to(excess.dtype)
        return grad_outputs[0] * near


class LoopedLif(nn.Module):
    """Eq. 1, time step by time step."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.beta, self.threshold = config.beta, config.threshold

    def forward(self, current: Tensor) -> Tensor:
        """Spikes of ``current``, (T, ...)."""
        kept = torch.zeros_like(current[0])
        spikes = []
        for step in current:
            membrane = kept + step
            fired: Tensor = Threshold.apply(membrane - self.threshold)  # type: ignore[no-untyped-call]
            kept = self.beta * membrane * (1 - fired.detach())
            spikes.append(fired)
        return torch.stack(spikes)


class SnnTorchLif(nn.Module):
    """The same neuron by snnTorch's ``Leaky``."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        leaky = snntorch.Leaky(config.beta, config.threshold, Threshold.apply, reset_mechanism="zero")
        self._neuron = (leaky,)  # no module of this one: its buffers are no part of the model's state

    def forward(self, current: Tensor) -> Tensor:
        """Spikes of ``current``, (T, ...)."""
        neuron = self._neuron[0].to(current.device)
        membrane = torch.zeros_like(current[0])
        spikes = []
        for step in current:
            fired, membrane = neuron(step, membrane)
            spikes.append(fired)
        return torch.stack(spikes)


class Norm(nn.Module):
    """``λ·tdLN(x) + (1 − λ)·tdBN(x)``, both always computed, as in the paper's code; ``blend`` is λ."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(channels)
        self.batch_norm = nn.BatchNorm1d(channels)
        self.blend = 0.0

    def forward(self, current: Tensor) -> Tensor:
        """Normalise ``current``, (T, tokens, D)."""
        by_layer = self.layer_norm(current)
        by_batch = self.batch_norm(current.flatten(0, 1)).view_as(current)
        normalised: Tensor = self.blend * by_layer + (1 - self.blend) * by_batch
        return normalised


class Layer(nn.Module):
    """A Linear and its norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.norm = Norm(outputs)

    def forward(self, spikes: Tensor) -> Tensor:
        """(T, tokens, inputs) -> (T, tokens, outputs)."""
        current: Tensor = self.norm(self.linear(spikes))
        return current


class Position(nn.Module):
    """One weight a distance, shared by all channels."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(window, 1))

    def forward(self, windows: Tensor) -> Tensor:
        """``y_i = Σ_{d<S, d≤i} p_d x_{i−d}`` over windows (T, B, K, D)."""
        place = torch.arange(windows.shape[2], device=windows.device)
        distance = place[:, None] - place
        seen = (distance >= 0) & (distance < len(self.weight))
        return (self.weight[distance.clamp(0, len(self.weight) - 1), 0] * seen) @ windows


class Attention(nn.Module):
    """PSSA, `SN(q ⊙ Σ_j p_j (k ⊙ v)_{i−j})`."""

    def __init__(self, config: ModelConfig, neuron: NeuronFactory) -> None:
        super().__init__()
        size = config.embedding_size
        self.query, self.key, self.value, self.project = (Layer(size, size) for _ in range(4))
        self.neuron = neuron(config)
        self.position = Position(config.window)

    def forward(self, spikes: Tensor, mask: Tensor) -> Tensor:
        """(T, tokens, D) spikes -> (T, tokens, D) current."""
        query, key, value = (self.neuron(layer(spikes)) for layer in (self.query, self.key, self.value))
        windows = spikes.new_zeros(len(spikes), *mask.shape, spikes.shape[-1])
        windows[:, mask] = key * value
        output: Tensor = self.project(self.neuron(query * self.position(windows)[:, mask]))
        return output


class Mlp(nn.Module):
    """Two layers, neurons between them."""

    def __init__(self, config: ModelConfig, neuron: NeuronFactory) -> None:
        super().__init__()
        hidden = config.mlp_ratio * config.embedding_size
        self.hidden = Layer(config.embedding_size, hidden)
        self.project = Layer(hidden, config.embedding_size)
        self.neuron = neuron(config)

    def forward(self, spikes: Tensor) -> Tensor:
        """(T, tokens, D) spikes -> (T, tokens, D) current."""
        current: Tensor = self.project(self.neuron(self.hidden(spikes)))
        return current


class Block(nn.Module):
    """Attention and MLP in the residual stream."""

    def __init__(self, config: ModelConfig, neuron: NeuronFactory) -> None:
        super().__init__()
        self.neuron = neuron(config)
        self.attention = Attention(config, neuron)
        self.mlp = Mlp(config, neuron)

    def forward(self, residual: Tensor, mask: Tensor) -> Tensor:
        """The residual stream (T, tokens, D) after this block."""
        residual = residual + self.attention(self.neuron(residual), mask)
        residual = residual + self.mlp(self.neuron(residual))
        return residual


class PlainDSFormer(nn.Module):
    """The model, called as `dsf_models.DSFormer` is; ``neuron`` makes its neurons."""

    def __init__(
        self, config: ModelConfig, observation_size: int, action_size: int, neuron: NeuronFactory = LoopedLif
    ) -> None:
        super().__init__()
        size = config.embedding_size
        self.time_steps = config.time_steps
        self.embedding = nn.Linear(observation_size + action_size + 1, size)
        self.embedding_norm = nn.LayerNorm(size)
        self.blocks = nn.ModuleList(Block(config, neuron) for _ in range(config.blocks))
        self.last_norm = Norm(size)
        self.head = nn.Linear(size, action_size)

    def forward(self, states: Tensor, previous_actions: Tensor, returns_to_go: Tensor, mask: Tensor) -> Tensor:
        """Actions (B, K, action_size), zero for padding."""
        tokens = self.embedding_norm(self.embedding(torch.cat([states, previous_actions, returns_to_go], dim=-1)))
        residual = tokens[mask].repeat(self.time_steps, 1, 1)
        for block in self.blocks:
            residual = block(residual, mask)
        actions = torch.tanh(self.head(self.last_norm(residual).mean(0)))
        windows = actions.new_zeros(*mask.shape, actions.shape[-1])
        windows[mask] = actions
        return windows


def set_plain_blend(model: PlainDSFormer, blend: float) -> None:
    """Give every norm of ``model`` the λ of this training step."""
    for module in model.modules():
        if isinstance(module, Norm):
            module.blend = blend
