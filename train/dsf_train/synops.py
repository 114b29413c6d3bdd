"""Synaptic operations and spikes of the exported program, counted on a training batch for `dsf_train.spike_cost`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dsf_common.errors import UserError
from dsf_export.folding import refuse_without_program
from dsf_models import PolicyNetwork
from dsf_models.configuration import DELAYED, GATED, ModelConfig, ModelKind
from dsf_models.mixing_names import input_names
from dsf_models.mixings.pssa_delay_matrix import delayed_part
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes


@dataclass(frozen=True)
class Events:
    """Means over decisions, scalars, with the gradients that the spikes' surrogates give.

    Attributes
    ----------
    synops
        ``Σ_layers spikes × fan-out``.
    spikes
        Of all neurons, AND gates included.
    """

    synops: Tensor
    spikes: Tensor


class SynopCount:
    """What spikes do a decision in the program that `dsf_export.lower` makes of a model.

    Every token is computed once, as in a stream. A projection onto the residual stream reaches each of its later
    readers and the accumulator; PSSA's AND gates count too. The bias line's spikes, always the same, do not.

    Parameters
    ----------
    config
        Of a model that has a program.
    action_size
        Neurons of the accumulator.
    """

    def __init__(self, config: ModelConfig, action_size: int) -> None:
        self._config = config
        self._mixes = config.kind is ModelKind.dsformer
        self._fan_outs = _fan_outs(config, action_size)

    def events(self, spikes: Spikes, mask: Tensor) -> Events:
        """Means over the real tokens of a batch of windows.

        Parameters
        ----------
        spikes
            By layer, (T, tokens, width), as a model records them: of real tokens, or of all, and then padding's zero.
        mask
            (B, K) bool, True for a real token.
        """
        fired = {name: spikes[name].sum() for name in self._fan_outs}
        synops = [fired[name] * fan_out for name, fan_out in self._fan_outs.items()]
        gates: list[Tensor] = []
        if self._mixes and self._config.mixing in GATED:
            layout = TokenLayout(mask)
            for block in range(self._config.blocks):
                past, gated = self._gates(spikes, layout, f"block{block}.attention")
                gates += [past, gated]
                synops += [past * self._config.window, gated]
        tokens = mask.sum()
        return Events(torch.stack(synops).sum() / tokens, torch.stack([*fired.values(), *gates]).sum() / tokens)

    def mean(self, spikes: Spikes, mask: Tensor) -> Tensor:
        """The synops of :meth:`events`."""
        return self.events(spikes, mask).synops

    def _gates(self, spikes: Spikes, layout: TokenLayout, name: str) -> tuple[Tensor, Tensor]:
        """Spikes of ``past = k ∧ v``, which reach a gate a token it is seen by, and of the gates q ∧ past."""
        past = spikes[f"{name}.key"] * spikes[f"{name}.value"]
        windows = layout.unpack(past)
        seen = windows.cumsum(dim=2)
        window = self._config.window
        if window < seen.shape[2]:
            seen = torch.cat([seen[:, :, :window], seen[:, :, window:] - seen[:, :, :-window]], dim=2)
        return past.sum(), (layout.unpack(spikes[f"{name}.query"]) * seen).sum()


def synop_count(model: PolicyNetwork) -> SynopCount | None:
    """The count for ``model``, or None where it has no program."""
    try:
        refuse_without_program(model.config)
    except UserError:
        return None
    return SynopCount(model.config, model.action_size)


def _fan_outs(config: ModelConfig, action_size: int) -> dict[str, int]:
    """Synapses of a neuron of each recorded layer."""
    size, mixes = config.embedding_size, config.kind is ModelKind.dsformer
    readers = config.blocks * (config.levels + 1 if mixes else 1)  # layers that read the residual stream, yet to come
    fan_outs: dict[str, int] = {}
    for block in range(config.blocks):
        attention, mlp = f"block{block}.attention", f"block{block}.mlp"
        if mixes:
            readers -= config.levels
            fan_outs |= _mixing_fan_outs(config, attention, projection=readers * size + action_size)
        readers -= 1
        fan_outs |= {f"{mlp}.input": config.mlp_ratio * size, f"{mlp}.hidden": readers * size + action_size}
    return fan_outs


def _mixing_fan_outs(config: ModelConfig, attention: str, projection: int) -> dict[str, int]:
    """The same of a token mixing and of the neurons it reads; ``projection`` is that of a neuron of its output."""
    reached = 0  # neurons and delays, of a neuron of its input
    fan_outs: dict[str, int] = {}
    if config.mixing in GATED:
        reached += 3 * config.embedding_size
        fan_outs |= {f"{attention}.query": config.window, f"{attention}.key": 1, f"{attention}.value": 1}
        fan_outs[f"{attention}.output"] = projection
    if config.mixing in DELAYED:
        beside_pssa = config.mixing in GATED
        ratio = 1 if config.mixing == "delay" else config.mixing_ratio
        reached += config.window * config.embedding_size * ratio
        fan_outs[f"{delayed_part(attention) if beside_pssa else attention}.output"] = projection
    return fan_outs | dict.fromkeys(input_names(attention, config.levels), reached)
