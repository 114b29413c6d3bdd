"""The Fourier Controller Network (Tan et al., ICML 2024; github.com/thkkk/FCNet, commit 418cbed).

It is causal as published. It differs in this: a token is [s; a_{i−1}; R̂] where the published state and context
stand, and a tanh bounds the action.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad

from dsf_models.configuration import ModelConfig
from dsf_models.policy_network import PolicyNetwork, Spikes
from dsf_models.recurrent_policy import RecurrentPolicy
from dsf_models.token_embedding import token_of, token_size

HEAD_SIZE = 128  # hidden units of the head, in all published settings


class SlidingFourier(nn.Module):
    r"""The newest value of a past whose lowest M frequencies are mixed, channel by channel.

    Over a window of K tokens, zero before the first::

        X_m = Σ_{j<K} e^{2πi m (j+1) / K} x_{i−j}                   sliding DFT, m < M
        Y_n = Σ_m W_mn ⊙ X_m                                        W (M, M, D), complex and learned
        y_i = Re Σ_n c_n Y_n                                        inverse DFT at the newest token,
                                                                    c_0 = 1/K, c_n = 2 e^{2πi n (K−1) / K} / K

    All three are linear, so they are one causal filter a channel, ``y_i = Σ_{j<K} h_j ⊙ x_{i−j}`` with
    ``h_j = Re Σ_m e^{2πi m (j+1) / K} G_m`` and ``G_m = Σ_n c_n W_mn``; that is how windows are computed. A stream
    keeps X: ``X_m ← e^{2πi m / K} (X_m + x_i − x_{i−K})``.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.window, self.modes = config.context, config.modes
        drawn = torch.randn(self.modes, self.modes, config.embedding_size, dtype=torch.cfloat) / self.modes
        self.weight = nn.Parameter(torch.view_as_real(drawn).clone())  # (M, M, D, 2): AdamW knows no complex numbers

    def gains(self) -> tuple[Tensor, Tensor]:
        """Real and imaginary part of G, (M, D) each."""
        angles = 2 * math.pi * torch.arange(self.modes, dtype=torch.float64) * (self.window - 1) / self.window
        size = torch.where(torch.arange(self.modes) == 0, 1.0, 2.0).double() / self.window
        real, imaginary = (part.to(self.weight)[:, None] for part in (size * angles.cos(), size * angles.sin()))
        of_real, of_imaginary = self.weight.unbind(-1)
        return (
            (of_real * real - of_imaginary * imaginary).sum(1),
            (of_real * imaginary + of_imaginary * real).sum(1),
        )

    def taps(self) -> Tensor:
        """h, (K, D)."""
        cosine, sine = self._turns(torch.arange(1, self.window + 1))
        real, imaginary = self.gains()
        return (cosine[..., None] * real - sine[..., None] * imaginary).sum(1)

    def _turns(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine of ``2π m j / K``, (places, M) each."""
        angles = 2 * math.pi / self.window * torch.outer(places.double(), torch.arange(self.modes).double())
        return angles.cos().to(self.weight), angles.sin().to(self.weight)

    def forward(self, values: Tensor) -> Tensor:
        """(B, N, D) from (B, N, D), in which padding is zero; N may be more than K."""
        tokens = values.shape[1]
        latest = self.taps()[:tokens].T  # (D, N) or less
        oldest_first = pad(latest.flip(1), (tokens - latest.shape[1], tokens - 1))  # zero for later tokens
        filters = oldest_first.unfold(1, tokens, 1).flip(1)  # (D, N, N): row i, column j is h_{i−j}
        return torch.einsum("dij,bjd->bid", filters, values)

    def start(self, lanes: int) -> FourierState:
        """The state before the first token."""
        size = self.weight.shape[2]
        spectrum = self.weight.new_zeros(2, lanes, self.modes, size)
        past = self.weight.new_zeros(self.window, lanes, size)
        turn = torch.stack([part.T for part in self._turns(torch.ones(1))])
        return FourierState(spectrum, past, 0, torch.stack(self.gains()), turn)

    def step(self, value: Tensor, state: FourierState) -> tuple[Tensor, FourierState]:
        """The newest y, (lanes, D), of the newest x."""
        place = state.tokens % self.window
        grown = state.spectrum[0] + (value - state.past[place])[:, None]
        cosine, sine = state.turn
        spectrum = torch.stack([cosine * grown - sine * state.spectrum[1], sine * grown + cosine * state.spectrum[1]])
        past = state.past.clone()
        past[place] = value
        answer = (spectrum[0] * state.gain[0] - spectrum[1] * state.gain[1]).sum(1)
        return answer, replace(state, spectrum=spectrum, past=past, tokens=state.tokens + 1)


@dataclass(frozen=True)
class FourierState:
    """A block's memory in a stream.

    Attributes
    ----------
    spectrum
        X, its real and its imaginary part, (2, lanes, M, D).
    past
        The last K values in a ring, (K, lanes, D).
    tokens
        How many there were.
    gain, turn
        G, (2, M, D), and ``e^{2πi m / K}``, (2, M, 1), which stay as they are.
    """

    spectrum: Tensor
    past: Tensor
    tokens: int
    gain: Tensor
    turn: Tensor


class FourierBlock(nn.Module):
    """``x ← x + gelu(F(LN(x)))``;  ``x ← x + W_2 gelu(W_1 LN(x))``, F a :class:`SlidingFourier`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size, hidden = config.embedding_size, config.mlp_ratio * config.embedding_size
        self.fourier_norm = nn.LayerNorm(size)
        self.fourier = SlidingFourier(config)
        self.mlp_norm = nn.LayerNorm(size)
        self.hidden = nn.Linear(size, hidden)
        self.project = nn.Linear(hidden, size)

    def forward(self, values: Tensor, real: Tensor) -> Tensor:
        """(B, N, D) from (B, N, D); ``real`` (B, N, 1) is 0 for padding, which the transform sees as zeros."""
        return self._mlp(values + gelu(self.fourier(self.fourier_norm(values) * real)))

    def step(self, value: Tensor, state: FourierState) -> tuple[Tensor, FourierState]:
        """The same for the newest token, (lanes, D)."""
        mixed, after = self.fourier.step(self.fourier_norm(value), state)
        return self._mlp(value + gelu(mixed)), after

    def _mlp(self, values: Tensor) -> Tensor:
        added: Tensor = self.project(gelu(self.hidden(self.mlp_norm(values))))
        return values + added


class FourierController(PolicyNetwork, RecurrentPolicy[tuple[FourierState, ...]]):
    """``x = W_e [s; a; R̂] + b_e``, L :class:`FourierBlock`, ``a = tanh(W_4 gelu(W_3 x + b_3) + b_4)``."""

    def __init__(self, config: ModelConfig, observation_size: int, action_size: int) -> None:
        super().__init__(config, observation_size, action_size)
        size = config.embedding_size
        self.embedding = nn.Linear(token_size(observation_size, action_size), size)
        self.blocks = nn.ModuleList(FourierBlock(config) for _ in range(config.blocks))
        self.head_hidden = nn.Linear(size, HEAD_SIZE)
        self.head = nn.Linear(HEAD_SIZE, action_size)

    def forward(
        self,
        states: Tensor,
        previous_actions: Tensor,
        returns_to_go: Tensor,
        mask: Tensor,
        spikes: Spikes | None = None,
        steps: Tensor | None = None,
    ) -> Tensor:
        """See :class:`PolicyNetwork`."""
        values = self.embedding(token_of(self.config, states, previous_actions, returns_to_go))
        real = mask[..., None].to(values)
        for block in self.blocks:
            values = block(values, real)
        return self._actions(values) * real

    def start(self, lanes: int) -> tuple[FourierState, ...]:
        return tuple(block.fourier.start(lanes) for block in self._blocks())

    def step(self, token: Tensor, state: tuple[FourierState, ...]) -> tuple[Tensor, tuple[FourierState, ...]]:
        value, after = self.embedding(token), []
        for block, before in zip(self._blocks(), state, strict=True):
            value, kept = block.step(value, before)
            after.append(kept)
        return self._actions(value), tuple(after)

    def macs(self, tokens: int) -> int:
        """See :class:`PolicyNetwork`; the transform's filters over all pairs of tokens, as they are computed."""
        size = self.config.embedding_size
        block = tokens * (2 * self.config.mlp_ratio * size**2) + tokens**2 * size
        ends = self.embedding.weight.numel() + self.head_hidden.weight.numel() + self.head.weight.numel()
        return tokens * ends + self.config.blocks * block

    def _actions(self, values: Tensor) -> Tensor:
        actions: Tensor = torch.tanh(self.head(gelu(self.head_hidden(values))))
        return actions

    def _blocks(self) -> Iterator[FourierBlock]:
        return iter(cast(list[FourierBlock], list(self.blocks)))
