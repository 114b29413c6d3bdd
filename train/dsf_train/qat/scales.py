"""The scales that fine-tuning begins with and stays with: chosen as an export chooses them, on tokens of the dataset.

They are kept through training, so that a weight's grid moves only where its matrix outgrows its exponents, and stored
with the model, so that the export rounds by the same.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dsf_export.group_synapses import GroupSynapses, round_synapses
from dsf_export.neuron_groups import GroupCurrent
from dsf_export.program_graph import ACTION
from dsf_export.quantise.scale_search import LARGEST_CURRENT, search_scales
from dsf_export.rounded_model import QuantisedDSFormer
from dsf_models import DSFormer, PolicyNetwork
from dsf_models.lif import Lif
from dsf_models.quantisation import Quantisation
from dsf_train.sampling import Batch
from neuro_runtime.program.limits import (
    ARRIVAL_LIMIT,
    LARGEST_EVEN_BIAS,
    LARGEST_EXPONENT,
    LARGEST_ODD_BIAS,
    LARGEST_THRESHOLD,
)
from neuro_runtime.program.weight_format import WeightFormat

GROWTH = 2  # times as large as now a group's currents may become in training before its state could overflow


def choose_quantisation(model: PolicyNetwork, batch: Batch, weight_format: WeightFormat) -> Quantisation:
    """The scales with the fewest wrong spikes, group by group, on the float model's spikes in ``batch``.

    Raises
    ------
    UserError
        The model has no program, or a group's currents, added up, span more than 24 bits hold.
    """
    exact = QuantisedDSFormer.of(model, None)
    synapses = exact.synapses()
    groups: list[_Group] = []

    def meet(name: str, current: GroupCurrent) -> None:
        groups.append(_Group(name, exact, synapses[name], current, weight_format))

    with torch.no_grad():
        exact(batch.states, batch.previous_actions, batch.returns_to_go, batch.mask, on_group=meet)
        return Quantisation(weight_format, search_scales(groups))


class _Group:
    """A neuron group on a batch, in PyTorch: where the model is, and in the float neurons that it is trained with."""

    def __init__(
        self,
        name: str,
        model: QuantisedDSFormer,
        synapses: GroupSynapses,
        current: GroupCurrent,
        weight_format: WeightFormat,
    ) -> None:
        self.name = name
        self.takes_token = name.endswith(".input")
        self._synapses = synapses
        self._tried: dict[int, GroupSynapses] = {}  # by scale
        self._format = weight_format
        self._scale = 1.0 if name == ACTION else model.config.threshold
        self._neuron = None if name == ACTION else Lif.of(model.config)
        self._current: Callable[[GroupSynapses], Tensor] = lambda some: current(
            some.like(model.head.weight, self._scale)
        )
        self._wanted = self._current(synapses)
        self._token = _largest_token(model) if self.takes_token else torch.zeros(1)
        self._token_reach = float(self._token.max())
        keep = 1.0 if name == ACTION else model.config.beta
        self._build_up = sum(keep**step for step in range(model.config.time_steps))
        self.worst = self._largest(synapses)
        self.widest_neuron = int(self._reach(synapses).argmax())
        self.limit = min(LARGEST_THRESHOLD, *(int(limit / value) for limit, value in self._room(synapses) if value))

    def wrong_spikes(self, scale: int, injected: int) -> int:
        """The spikes of the batch that its rounded weights get wrong; the accumulator has none."""
        if self._neuron is None:
            return 0
        wrong = self._neuron(self._current(self._rounded(scale))) != self._neuron(self._wanted)
        return int(wrong.sum())

    def current_error(self, scale: int, injected: int) -> float:
        """The squared error of its current."""
        error = self._current(self._rounded(scale)) - self._wanted
        if self._neuron is None:  # only the sum of a decision is ever read
            error = error.sum(0)
        return float(error.square().sum())

    def is_safe(self, scale: int, injected: int) -> bool:
        """Whether nothing can be exceeded, nor the exponents end, before the weights are ``GROWTH`` times as large."""
        synapses = (*self._synapses.weights, *self._synapses.biases)
        largest_weight = max((float(tensor.abs().max()) for tensor in synapses), default=0.0)
        if largest_weight * scale * GROWTH > self._format.largest << LARGEST_EXPONENT:
            return False
        if self._format.chip.is_portable and scale == injected and self._token_reach * scale > LARGEST_ODD_BIAS:
            return False
        return all(value * scale <= limit for limit, value in self._room(self._rounded(scale)))

    def _room(self, synapses: GroupSynapses) -> list[tuple[float, float]]:
        """Limits, and what must stay below each of them at a scale of 1."""
        room = [(LARGEST_CURRENT, self._largest(synapses) * self._build_up * GROWTH)]
        if self._format.chip.is_portable:
            through_synapses = self._largest(synapses, torch.zeros(1)) * GROWTH
            room += [(ARRIVAL_LIMIT - 1, through_synapses), (LARGEST_EVEN_BIAS, self._token_reach)]
        return room

    def _rounded(self, scale: int) -> GroupSynapses:
        if scale not in self._tried:
            self._tried[scale] = round_synapses(self._synapses, scale, self._format)
        return self._tried[scale]

    def _largest(self, synapses: GroupSynapses, token: Tensor | None = None) -> float:
        """Current with all synapses of one sign active, in units of the synapses; ``token`` is what is injected."""
        return float(self._reach(synapses, token).max())

    def _reach(self, synapses: GroupSynapses, token: Tensor | None = None) -> Tensor:
        """The same for each neuron, (size,)."""
        columns = [*synapses.weights, *(bias[:, None] for bias in synapses.biases)]
        token = self._token if token is None else token
        up = sum((weight.clamp(min=0).sum(1) for weight in columns), token)
        down = sum((-weight.clamp(max=0).sum(1) for weight in columns), token)
        return torch.maximum(torch.as_tensor(up), torch.as_tensor(down))


def _largest_token(model: DSFormer) -> Tensor:
    """Largest |current| of a token, (D,), in thresholds: a LayerNorm's channel is at most √(D − 1) deviations out."""
    norm = model.embedding_norm
    reach = (model.config.embedding_size - 1) ** 0.5
    largest: Tensor = (reach * norm.weight.abs() + norm.bias.abs()).double() / model.config.threshold
    return largest
