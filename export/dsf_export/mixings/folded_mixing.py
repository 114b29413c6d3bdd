"""The base class of folded token mixings: affine maps and weights in thresholds, and what programs make of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor

from dsf_export.folding import Affine
from dsf_export.group_synapses import GroupSynapses
from dsf_export.neuron_groups import Groups
from dsf_export.program_graph import ProgramGraph
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes


class FoldedMixing(ABC):
    """A token mixing without normalisation, whose output layer's spikes are projected onto the residual stream.

    It is said three times what the mixing computes: as nodes and connections of a program (:meth:`lower`), as the
    synapses into each group of these, in the program's order (:meth:`synapses`), and over whole windows, from such
    synapses (:meth:`fire`). An export compares the first with the last on recorded decisions, and both with the model;
    fine-tuning rounds the second and computes by the last.

    Attributes
    ----------
    project
        The projection, (D, width).
    """

    project: Affine

    @abstractmethod
    def lower(self, graph: ProgramGraph, inputs: Sequence[str], prefix: str) -> str:
        """Add the mixing's nodes and connections to ``graph``.

        Parameters
        ----------
        inputs
            The layers that the mixing reads, of D neurons each; they stand side by side.
        prefix
            Begins the names of the mixing's nodes.

        Returns
        -------
        str
            The output layer.
        """

    @abstractmethod
    def synapses(self, inputs: int, prefix: str) -> dict[str, GroupSynapses]:
        """The weighed synapses into each of the mixing's groups that has any, of a mixing that reads ``inputs`` layers.

        AND gates have none: their weights are fixed.
        """

    @abstractmethod
    def fire(self, inputs: Tensor, groups: Groups, prefix: str) -> Tensor:
        """The output layer's spikes over whole windows, (T, tokens, width).

        Parameters
        ----------
        inputs
            (T, tokens, levels D) spikes, those of the layers that the mixing reads side by side.
        groups
            Fires each group by name, whose synapses it knows.
        """

    def gate_spikes(self, spikes: Spikes, layout: TokenLayout, prefix: str) -> dict[str, Tensor]:
        """How often the mixing's nodes that a model does not record fire in a batch of windows, by name, with gradient.

        Parameters
        ----------
        spikes
            Spikes by layer, (T, tokens, width), as a model records them.
        layout
            The windows that the tokens belong to.
        """
        return {}
