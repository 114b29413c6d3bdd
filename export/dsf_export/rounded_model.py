"""A DSFormer computed as its program computes it, so that training sees the weights that the chip will have."""

from __future__ import annotations

import torch
from torch import Tensor

from dsf_export.fold import FoldedPolicy, fold_with_gradient
from dsf_export.group_synapses import GroupSynapses, round_synapses
from dsf_export.neuron_groups import Groups, OnGroup
from dsf_export.program_requirements import refuse_without_program
from dsf_export.window_pass import window_actions
from dsf_models import DSFormer, PolicyNetwork
from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes
from dsf_models.quantisation import Quantisation


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
        self.neuron = Lif.of(config)  # every group's
        self._kept: tuple[list[int], tuple[FoldedPolicy, dict[str, GroupSynapses]]] | None = None

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

    def synapses(self) -> dict[str, GroupSynapses]:
        """All that the forward pass weighs by, in float64 and thresholds, by group."""
        return self._folded_and_rounded()[1]

    def forward(
        self,
        states: Tensor,
        previous_actions: Tensor,
        returns_to_go: Tensor,
        mask: Tensor,
        spikes: Spikes | None = None,
        steps: Tensor | None = None,
        on_group: OnGroup = lambda name, current: None,
    ) -> Tensor:
        """See :class:`DSFormer`; ``on_group`` is told how each group's current follows from its synapses."""
        layout = TokenLayout(mask)
        token = layout.pack(self.encode(states, previous_actions, returns_to_go))
        folded, synapses = self._folded_and_rounded()
        threshold = self.config.threshold

        record: Spikes = {} if spikes is None else spikes

        def neuron(name: str, current: Tensor) -> Tensor:
            record[name] = self.neuron(current)
            return record[name]

        groups = Groups(synapses, neuron, layout, token, threshold, on_group, on_gate=record.__setitem__)
        return layout.unpack(torch.tanh(window_actions(folded, groups, token, threshold)))

    def _folded_and_rounded(self) -> tuple[FoldedPolicy, dict[str, GroupSynapses]]:
        """The folded policy, for the host's part, and its rounded synapses.

        Without gradients they are kept until a parameter changes, as decisions in closed loop share them.
        """
        if torch.is_grad_enabled():
            return self._fold_and_round()
        versions = [tensor._version for tensor in (*self.parameters(), *self.buffers())]
        if self._kept is None or self._kept[0] != versions:
            self._kept = versions, self._fold_and_round()
        return self._kept[1]

    def _fold_and_round(self) -> tuple[FoldedPolicy, dict[str, GroupSynapses]]:
        folded = fold_with_gradient(self)
        groups = folded.synapses()
        if self.quantisation is None:
            return folded, groups
        scales, weight_format = self.quantisation.scales.of, self.quantisation.weight_format
        return folded, {name: round_synapses(group, scales[name], weight_format) for name, group in groups.items()}
