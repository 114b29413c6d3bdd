"""A DSFormer computed as its program computes it, so that training sees the weights that the chip will have."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import linear

from dsf_export.folding import refuse_without_program
from dsf_export.rounded_synapses import (
    ACTION,
    Synapses,
    program_readout,
    program_synapses,
    projection_bias,
    round_synapses,
)
from dsf_models import DSFormer, PolicyNetwork
from dsf_models.configuration import ModelConfig
from dsf_models.dsformer import Block
from dsf_models.lif import Lif
from dsf_models.mixing_names import input_names
from dsf_models.mixings import mixing_parts
from dsf_models.mixings.past import sum_of_past
from dsf_models.mixings.pssa import PSSA
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes
from dsf_models.quantisation import Quantisation

GroupCurrent = Callable[[Synapses], Tensor]  # from a group's synapses, in the model's own units, to its current


class QuantisedDSFormer(DSFormer):
    """A DSFormer whose every synapse is rounded as the exporter rounds it; parameters and their names are the same.

    The forward pass is the program's: folded, so that PTBN is in its evaluation form and its statistics stay as they
    are, in training too; each group weighs its inputs by its own rounded weights. Rounded are the weights of all
    groups, position weights, delay matrices and the accumulator's readout among them, and the biases. Not rounded are
    the token's current and the neurons' states (24 bits), nor what the host computes: the embedding, its LayerNorm, and
    the readout of the token's current and of the constants.

    Parameters
    ----------
    quantisation
        None rounds nothing: the model is then the DSFormer of the same weights in evaluation.
    """

    def __init__(
        self, config: ModelConfig, observation_size: int, action_size: int, quantisation: Quantisation | None
    ) -> None:
        super().__init__(config, observation_size, action_size)
        self.quantisation = quantisation
        self._kept: tuple[list[int], dict[str, Synapses]] | None = None

    @classmethod
    def of(cls, model: PolicyNetwork, quantisation: Quantisation | None) -> QuantisedDSFormer:
        """A copy of ``model``'s weights.

        Raises
        ------
        UserError
            The model has no program.
        """
        refuse_without_program(model.config)
        made = cls(model.config, model.observation_size, model.action_size, quantisation)
        made.load_state_dict(model.state_dict())
        return made.to(next(model.parameters())).train(model.training)

    def synapses(self) -> dict[str, Synapses]:
        """What the forward pass weighs by, in float64 and thresholds, by group.

        Without gradients they are kept until a parameter changes, as decisions in closed loop share them.
        """
        if torch.is_grad_enabled():
            return self._rounded()
        versions = [tensor._version for tensor in (*self.parameters(), *self.buffers())]
        if self._kept is None or self._kept[0] != versions:
            self._kept = versions, self._rounded()
        return self._kept[1]

    def _rounded(self) -> dict[str, Synapses]:
        groups = program_synapses(self)
        if self.quantisation is None:
            return groups
        scales, weight_format = self.quantisation.scales.of, self.quantisation.weight_format
        return {name: round_synapses(group, scales[name], weight_format) for name, group in groups.items()}

    def forward(
        self,
        states: Tensor,
        previous_actions: Tensor,
        returns_to_go: Tensor,
        mask: Tensor,
        spikes: Spikes | None = None,
        steps: Tensor | None = None,
        on_group: Callable[[str, GroupCurrent], object] = lambda name, current: None,
    ) -> Tensor:
        """See :class:`DSFormer`; ``on_group`` is told how each group's current follows from its synapses."""
        layout = TokenLayout(mask)
        token = layout.pack(self.encode(states, previous_actions, returns_to_go))
        run = _Run(self, token, layout, {} if spikes is None else spikes, on_group)
        return layout.unpack(torch.tanh(run.actions()))


class _Run:
    """One forward pass."""

    def __init__(
        self,
        model: QuantisedDSFormer,
        token: Tensor,
        layout: TokenLayout,
        spikes: Spikes,
        on_group: Callable[[str, GroupCurrent], object],
    ) -> None:
        self._model = model
        self._neuron = Lif(model.config.beta, model.config.threshold)
        self._synapses = model.synapses()
        self._token = token  # (tokens, D)
        self._layout = layout
        self._spikes = spikes
        self._on_group = on_group
        self._projected: list[Tensor] = []  # spikes whose projections have joined the residual stream

    def actions(self) -> Tensor:
        """Before the tanh, (tokens, act)."""
        for index, block in enumerate(self._model.blocks):
            attention, mlp = f"block{index}.attention", f"block{index}.mlp"
            if isinstance(block, Block):
                names = input_names(attention, block.levels)
                inputs = torch.cat([self._read(name) for name in names], dim=-1)
                for prefix, mixing in mixing_parts(block.attention, attention).items():
                    mix = self._pssa if isinstance(mixing, PSSA) else self._delay
                    self._projected.append(mix(prefix, inputs))
            self._projected.append(self._layer(f"{mlp}.hidden", self._read(f"{mlp}.input")))
        return self._accumulate() + self._host_part()

    def _fire(self, name: str, current: GroupCurrent) -> Tensor:
        self._on_group(name, current)
        synapses = self._synapses[name].like(self._token, self._model.config.threshold)
        self._spikes[name] = self._neuron(current(synapses))
        return self._spikes[name]

    def _read(self, name: str) -> Tensor:
        """Spikes of a reader of the residual stream."""
        sources = list(self._projected)

        def current(synapses: Synapses) -> Tensor:
            total = self._token.expand(self._model.config.time_steps, *self._token.shape)
            for spikes, weight in zip(sources, synapses.weights, strict=True):
                total = total + linear(spikes, weight)
            return sum(synapses.biases, total)

        return self._fire(name, current)

    def _layer(self, name: str, inputs: Tensor) -> Tensor:
        """``inputs`` may be those of several layers side by side, each with its own synapses."""
        return self._fire(name, lambda synapses: linear(inputs, torch.cat(synapses.weights, dim=1), synapses.biases[0]))

    def _pssa(self, name: str, inputs: Tensor) -> Tensor:
        query, key, value = (self._layer(f"{name}.{factor}", inputs) for factor in ("query", "key", "value"))
        past = self._layout.unpack(key * value)

        def current(synapses: Synapses) -> Tensor:
            terms = [past * weight for weight in synapses.weights[0].T]
            return query * self._layout.pack(sum_of_past(terms))

        return self._fire(f"{name}.output", current)

    def _delay(self, name: str, inputs: Tensor) -> Tensor:
        def current(synapses: Synapses) -> Tensor:
            levels = len(synapses.weights) // len(synapses.biases)
            starts = range(0, len(synapses.weights), levels)
            weights = [torch.cat(synapses.weights[start : start + levels], dim=1) for start in starts]
            pairs = zip(weights, synapses.biases, strict=True)
            terms = [self._layout.unpack(linear(inputs, weight, bias)) for weight, bias in pairs]
            return self._layout.pack(sum_of_past(terms))

        return self._fire(f"{name}.output", current)

    def _accumulate(self) -> Tensor:
        """What the spikes make of the action, summed over a decision's time steps."""
        sources = list(self._projected)

        def current(synapses: Synapses) -> Tensor:
            pairs = zip(sources, synapses.weights, strict=True)
            return torch.stack([linear(spikes, weight) for spikes, weight in pairs]).sum(0)

        self._on_group(ACTION, current)
        return current(self._synapses[ACTION].like(self._token, 1.0)).sum(0)

    def _host_part(self) -> Tensor:
        """What the token's current and the constants make of the action; not rounded."""
        weight, bias = program_readout(self._model)
        bias = bias + weight @ projection_bias(self._model)
        threshold = self._model.config.threshold
        return linear(self._token, (weight / threshold).to(self._token), bias.to(self._token))
