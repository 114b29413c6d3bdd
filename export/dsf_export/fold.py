"""Fold a trained DSFormer: no normalisation layer left but the embedding's, and every threshold 1.

In evaluation PTBN is its batch-norm branch, an affine map a channel, and so are its variants but tdLN; it goes into the
Linear before it (`dsf_export.folding`). Currents are then counted in thresholds, the residual stream included, so the
token's LayerNorm gives its current in thresholds too. The last norm and the head become one affine readout of the
residual stream.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from dsf_export.folding import Affine, fold_affine, fold_linear, fold_norm
from dsf_export.group_synapses import GroupSynapses
from dsf_export.mixings import FoldedMixing, lowering_of
from dsf_export.program_graph import ACTION
from dsf_export.program_requirements import require_program
from dsf_models import DSFormer, PolicyNetwork
from dsf_models.dsformer import Block, MlpBlock, input_names
from dsf_models.population import PopulationLif


@dataclass(frozen=True, eq=False)
class FoldedBlock:
    """A block: its first layers, the token mixing that reads them, and the two maps of the MLP.

    Attributes
    ----------
    inputs
        The layers' names, in the order in which their spikes stand side by side, and what each is given besides the
        residual stream, (D,), in thresholds, if anything. The spiking MLP has none.
    mixings
        The parts of the token mixing by the prefix of their layers' names, in the order in which they join the residual
        stream.
    """

    inputs: Mapping[str, Tensor | None]
    mixings: Mapping[str, FoldedMixing]
    mlp_hidden: Affine
    mlp_project: Affine


@dataclass(frozen=True, eq=False)
class FoldedPolicy:
    """A DSFormer of LIF neurons with threshold 1, affine maps and one LayerNorm; all numbers are float64.

    Attributes
    ----------
    embedding, norm_weight, norm_bias, norm_epsilon
        The token current ``LayerNorm(embedding(token))``, in thresholds; the host's part.
    readout
        ``action = tanh(readout(mean over t of the residual stream))``.
    beta
        β, the share of a membrane kept from one time step to the next.
    """

    embedding: Affine
    norm_weight: Tensor
    norm_bias: Tensor
    norm_epsilon: float
    blocks: tuple[FoldedBlock, ...]
    readout: Affine
    beta: float
    time_steps: int
    context: int

    @property
    def size(self) -> int:
        """Channels of the residual stream (D)."""
        return len(self.norm_weight)

    def projections(self) -> list[Affine]:
        """All that is projected onto the residual stream, in the order in which it joins."""
        return [
            project
            for block in self.blocks
            for project in (*(mixing.project for mixing in block.mixings.values()), block.mlp_project)
        ]

    def host_readout(self) -> Affine:
        """The part of the action that no spike brings: the readout of the token's current and of the constants."""
        constants = torch.stack([project.bias for project in self.projections()]).sum(0)
        return Affine(self.readout.weight, self.readout.bias + self.readout.weight @ constants)

    def synapses(self) -> dict[str, GroupSynapses]:
        """The synapses of each group of the float program, by name, as `dsf_export.lower` lays them out.

        Currents are in thresholds; the accumulator's are those that the action is the tanh of.
        """
        groups: dict[str, GroupSynapses] = {}
        projected: list[Affine] = []
        for index, block in enumerate(self.blocks):
            mlp = f"block{index}.mlp"
            groups |= {name: _reader(projected, offset) for name, offset in block.inputs.items()}
            for prefix, mixing in block.mixings.items():
                groups |= mixing.synapses(len(block.inputs), prefix)
                projected.append(mixing.project)
            groups[f"{mlp}.input"] = _reader(projected)
            groups[f"{mlp}.hidden"] = GroupSynapses.of_layer(block.mlp_hidden)
            projected.append(block.mlp_project)
        each = tuple(self.readout.weight @ project.weight / self.time_steps for project in projected)
        return groups | {ACTION: GroupSynapses(each)}


def fold(model: PolicyNetwork) -> FoldedPolicy:
    """Fold a copy of ``model``: nothing is shared with it, and nothing has a gradient.

    Raises
    ------
    UserError
        The model has no program (`dsf_export.program_requirements`).
    """
    copied = copy.deepcopy(require_program(model)).cpu().double().requires_grad_(False)
    return fold_with_gradient(copied)


def fold_with_gradient(model: DSFormer) -> FoldedPolicy:
    """Fold a model that has a program, differentiable with respect to its parameters.

    Raises
    ------
    UserError
        A normalisation does not fold.
    """
    config = model.config
    head = fold_affine(model.head)
    gain, offset = fold_norm(model.last_norm, "last_norm", model.embedding.bias.double())
    return FoldedPolicy(
        embedding=fold_affine(model.embedding),
        norm_weight=model.embedding_norm.weight.double() / config.threshold,
        norm_bias=model.embedding_norm.bias.double() / config.threshold,
        norm_epsilon=model.embedding_norm.eps,
        blocks=tuple(
            _fold_block(model, cast(Block | MlpBlock, block), f"block{n}") for n, block in enumerate(model.blocks)
        ),
        readout=Affine(head.weight * gain * config.threshold, head.weight @ offset + head.bias),
        beta=config.beta,
        time_steps=config.time_steps,
        context=config.context,
    )


def _fold_block(model: DSFormer, block: Block | MlpBlock, name: str) -> FoldedBlock:
    threshold = model.config.threshold
    inputs: Mapping[str, Tensor | None] = {}
    mixings: Mapping[str, FoldedMixing] = {}
    if isinstance(block, Block):
        attention = f"{name}.attention"
        inputs = _fold_inputs(block, attention, threshold)
        mixings = lowering_of(model.config.mixing).fold(block.attention, attention, threshold)
    return FoldedBlock(
        inputs,
        mixings,
        fold_linear(block.mlp.hidden, f"{name}.mlp.hidden", threshold),
        fold_linear(block.mlp.project, f"{name}.mlp.project", threshold),
    )


def _fold_inputs(block: Block, attention: str, threshold: float) -> dict[str, Tensor | None]:
    neuron = block.attention_neuron
    offsets = neuron.offset.double() / threshold if isinstance(neuron, PopulationLif) else [None]
    return dict(zip(input_names(attention, block.levels), offsets, strict=True))


def _reader(projected: list[Affine], offset: Tensor | None = None) -> GroupSynapses:
    """The synapses into a reader of the residual stream: earlier projections, their biases and ``offset`` as one."""
    biases = [affine.bias for affine in projected] + ([] if offset is None else [offset])
    if not biases:
        return GroupSynapses()
    return GroupSynapses(tuple(affine.weight for affine in projected), (torch.stack(biases).sum(0),))
