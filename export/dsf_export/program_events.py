"""Synaptic operations and spikes of the program that a model becomes, counted on the spikes that the model records."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dsf_common.errors import UserError
from dsf_export.fold import FoldedPolicy, fold
from dsf_export.lower import lower_to_graph
from dsf_export.mixings import FoldedMixing
from dsf_models import PolicyNetwork
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes
from neuro_runtime.program.nodes import BiasLine


@dataclass(frozen=True)
class Events:
    """Means over decisions, scalars, with the gradients that the spikes' surrogates give.

    Attributes
    ----------
    synops
        ``Σ_layers spikes × fan-out``.
    spikes
        All neurons' spikes, AND gates' included.
    """

    synops: Tensor
    spikes: Tensor


class ProgramEvents:
    """The events of a decision in the program of a folded policy; it depends on the program's structure alone.

    Every token is computed once, as in a stream. The fan-out of a neuron is that of the lowered program, zero weights
    included; the bias line's spikes, always the same, do not count.
    """

    def __init__(self, folded: FoldedPolicy) -> None:
        graph = lower_to_graph(folded)
        spiking = [node.name for node in graph.nodes if node.spikes and not isinstance(node, BiasLine)]
        self._fan_outs = {name: graph.fan_out(name) for name in spiking}
        self._mixings: list[tuple[str, FoldedMixing]] = [
            (prefix, mixing) for block in folded.blocks for prefix, mixing in block.mixings.items()
        ]

    def count(self, spikes: Spikes, mask: Tensor) -> Events:
        """Means over the real tokens of a batch of windows.

        Parameters
        ----------
        spikes
            Spikes by layer, (T, tokens, width), as a model records them: of real tokens, or of all, padding's being
            zero.
        mask
            (B, K) bool, True for a real token.
        """
        layout, tokens = TokenLayout(mask), mask.sum()
        fired = {name: spikes[name].sum() for name in self._fan_outs if name in spikes}
        for prefix, mixing in self._mixings:
            fired |= mixing.gate_spikes(spikes, layout, prefix)
        synops = [fired[name] * fan_out for name, fan_out in self._fan_outs.items()]
        return Events(torch.stack(synops).sum() / tokens, torch.stack(list(fired.values())).sum() / tokens)


def program_events(model: PolicyNetwork) -> ProgramEvents | None:
    """The events of ``model``'s program, or None where it has no program."""
    try:
        return ProgramEvents(fold(model))
    except UserError:
        return None
