"""A trained policy in PyTorch that computes its newest token only: the fairest float rival of a streaming program.

It is the folded policy, so every normalisation is in its weights, and the past is kept as spikes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsf_common.errors import UserError
from dsf_export.arrays import Array
from dsf_export.fold import FoldedBlock, fold
from dsf_export.folding import Affine
from dsf_export.mixings import FoldedMixing
from dsf_export.mixings.delayed_synapses import FoldedDelays
from dsf_export.mixings.pssa import FoldedPssa
from dsf_models.checkpoint import PolicyModel
from neuro_runtime.token import Token

Layer = Callable[[Tensor], Tensor]


class TorchStream:
    """The folded form of ``policy`` in PyTorch, token by token.

    Parameters
    ----------
    dtype
        The precision of everything; the spikes of float64 are those of the window in float64.
    """

    def __init__(self, policy: PolicyModel, dtype: torch.dtype = torch.float32) -> None:
        folded = fold(policy.model)
        self._arithmetic = arithmetic = _Arithmetic(folded.beta, dtype)
        self._normalisation = policy.normalisation
        self._time_steps = folded.time_steps
        self._embedding = arithmetic.affine(folded.embedding)
        self._norm = (
            (folded.size,),
            arithmetic.tensor(folded.norm_weight),
            arithmetic.tensor(folded.norm_bias),
            folded.norm_epsilon,
        )
        self._blocks = [_Block(block, arithmetic) for block in folded.blocks]
        self._readout = arithmetic.affine(folded.readout)

    def reset(self) -> None:
        """Forget every earlier token."""
        for block in self._blocks:
            block.forget()

    @torch.inference_mode()
    def act(self, token: Token) -> NDArray[np.float64]:
        """The action, (action_size,)."""
        given = self._normalisation
        state = given.states(token.state)
        vector = np.concatenate([state, token.previous_action, [token.return_to_go / given.return_scale]])
        current = torch.layer_norm(self._embedding(self._arithmetic.tensor(vector)), *self._norm)
        residual = current.expand(self._time_steps, -1)
        for block in self._blocks:
            residual = block(residual)
        action: NDArray[np.float64] = torch.tanh(self._readout(residual.mean(0))).double().numpy()
        return action


class _Arithmetic:
    """Affine maps and spiking neurons; thresholds are 1, as folding leaves them."""

    def __init__(self, beta: float, dtype: torch.dtype) -> None:
        self.beta = beta
        self.dtype = dtype

    def tensor(self, values: Array | Tensor) -> Tensor:
        return torch.as_tensor(values, dtype=self.dtype)

    def affine(self, affine: Affine) -> Layer:
        weight, bias = self.tensor(affine.weight), self.tensor(affine.bias)
        return lambda inputs: torch.nn.functional.linear(inputs, weight, bias)

    def fire(self, current: Tensor) -> Tensor:
        """Spikes of neurons at rest that are given ``current``, (T, size)."""
        spikes = torch.empty_like(current)
        membrane = current[0]
        for t in range(len(current)):
            fired = torch.gt(membrane, 1.0, out=spikes[t])
            if t + 1 < len(current):
                kept = membrane.masked_fill(fired.bool(), 0.0)
                membrane = torch.add(current[t + 1], kept, alpha=self.beta)
        return spikes


class _Block:
    def __init__(self, block: FoldedBlock, arithmetic: _Arithmetic) -> None:
        mixings = block.mixings.values()
        self._mixings = [_mixing(mixing, arithmetic) for mixing in mixings]
        self._projects = [arithmetic.affine(mixing.project) for mixing in mixings]
        self._fire = arithmetic.fire
        offsets = [offset for offset in block.inputs.values() if offset is not None]
        self._offsets = arithmetic.tensor(torch.stack(offsets)) if offsets else None
        self._mlp_hidden = arithmetic.affine(block.mlp_hidden)
        self._mlp_project = arithmetic.affine(block.mlp_project)

    def forget(self) -> None:
        for mixing in self._mixings:
            mixing.past.clear()

    def __call__(self, residual: Tensor) -> Tensor:
        first = residual if self._offsets is None else (residual[:, None] + self._offsets).flatten(1)
        inputs = self._fire(first)
        for mixing, project in zip(self._mixings, self._projects, strict=True):
            residual = residual + project(mixing(inputs))
        return residual + self._mlp_project(self._fire(self._mlp_hidden(self._fire(residual))))


class _Pssa:
    """``SN(q ⊙ Σ_j p_j ⊙ (k ∧ v)_j)``; the past is the latest tokens' k ∧ v, newest first."""

    def __init__(self, mixing: FoldedPssa, arithmetic: _Arithmetic) -> None:
        self._fire = arithmetic.fire
        # One product for the three of them.
        factors = mixing.factors.values()
        self._together = arithmetic.affine(
            Affine(torch.cat([factor.weight for factor in factors]), torch.cat([factor.bias for factor in factors]))
        )
        self._position = arithmetic.tensor(mixing.position)[:, None]
        self.past: deque[Tensor] = deque(maxlen=len(mixing.position))

    def __call__(self, inputs: Tensor) -> Tensor:
        query, key, value = torch.chunk(self._fire(self._together(inputs)), 3, dim=-1)
        self.past.appendleft(key * value)
        seen = torch.stack(tuple(self.past))
        return self._fire(query * (self._position[: len(seen)] * seen).sum(0))


class _Delay:
    """``SN(Σ_j (W_j s_j + c_j) + b)``; the past is the latest tokens' input spikes, newest first."""

    def __init__(self, mixing: FoldedDelays, arithmetic: _Arithmetic) -> None:
        self._fire = arithmetic.fire
        self._weight = arithmetic.tensor(mixing.weight.transpose(1, 2).contiguous())
        self._past_bias = arithmetic.tensor(mixing.past_bias)[:, None]
        self._bias = arithmetic.tensor(mixing.bias)
        self.past: deque[Tensor] = deque(maxlen=len(mixing.weight))

    def __call__(self, inputs: Tensor) -> Tensor:
        self.past.appendleft(inputs)
        seen = torch.stack(tuple(self.past))
        currents = torch.baddbmm(self._past_bias[: len(seen)], seen, self._weight[: len(seen)])
        return self._fire(currents.sum(0) + self._bias)


def _mixing(mixing: FoldedMixing, arithmetic: _Arithmetic) -> _Pssa | _Delay:
    match mixing:
        case FoldedPssa():
            return _Pssa(mixing, arithmetic)
        case FoldedDelays():
            return _Delay(mixing, arithmetic)
        case _:
            raise UserError(f"a {type(mixing).__name__} has no form here yet; add one beside _Delay")
