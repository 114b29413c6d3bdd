"""The synapses of the program that a model becomes, differentiable, and their rounding with straight-through gradient.

What is a synapse there need not be a weight here: a delay block's matrices, the accumulator's and the biases are made
of several parameters each, and a projection is rounded anew for each group that reads it. So weights are folded and
joined first and rounded last, and the gradient goes through the rounding as if it were not there, to all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsf_export.folding import double, fold_affine, fold_delay, fold_inputs, fold_linear, fold_norm
from dsf_export.quantise.weight_rounding import round_bias, round_weight
from dsf_models import DSFormer
from dsf_models.dsformer import Block, MlpBlock
from dsf_models.mixings import PlainMixing, mixing_parts
from dsf_models.mixings.delay import DelayMixing
from dsf_models.mixings.delay_matrix import DelayMatrixMixing
from dsf_models.mixings.position_weights import RelativeWeights
from dsf_models.mixings.pssa import PSSA
from neuro_runtime.program.weight_format import WeightFormat

ACTION = "action"  # the accumulator

Affine = tuple[Tensor, Tensor]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Synapses:
    """All weighed connections into one group, in float64 and the order in which a program lists them.

    Attributes
    ----------
    weights
        (targets, sources) each: one a source and delay; PSSA's gates as (targets, tokens back).
    biases
        (targets,) each: one a delay.
    """

    weights: tuple[Tensor, ...] = ()
    biases: tuple[Tensor, ...] = ()

    def like(self, current: Tensor, scale: float) -> Synapses:
        """Times ``scale``, in the precision and on the device of ``current``."""
        weights, biases = (
            tuple((tensor * scale).to(current) for tensor in tensors) for tensors in (self.weights, self.biases)
        )
        return Synapses(weights, biases)


def program_synapses(model: DSFormer) -> dict[str, Synapses]:
    """The synapses of each group of ``model``'s float program, by name, as `dsf_export.lower` lays them out.

    Currents are in thresholds; the accumulator's are what the action is the tanh of.
    """
    threshold = model.config.threshold
    groups: dict[str, Synapses] = {}
    projections: list[Affine] = []
    for index, block in enumerate(cast(list[Block | MlpBlock], model.blocks)):
        attention, mlp = f"block{index}.attention", f"block{index}.mlp"
        if isinstance(block, Block):
            for name, offset in fold_inputs(block, attention, threshold).items():
                groups[name] = _reader(projections, offset)
            for prefix, mixing in mixing_parts(block.attention, attention).items():
                groups |= _mixing(mixing, prefix, block.levels, threshold)
                projections.append(fold_linear(mixing.project, threshold))
        groups[f"{mlp}.input"] = _reader(projections)
        groups[f"{mlp}.hidden"] = _single(fold_linear(block.mlp.hidden, threshold))
        projections.append(fold_linear(block.mlp.project, threshold))
    readout, _ = program_readout(model)
    groups[ACTION] = Synapses(tuple(readout @ weight / model.config.time_steps for weight, _ in projections))
    return groups


def program_readout(model: DSFormer) -> Affine:
    """The last norm and the head as one affine map of the residual stream in thresholds, (act, D) and (act,)."""
    gain, offset = fold_norm(model.last_norm, double(model.embedding.bias))
    weight, bias = fold_affine(model.head)
    return weight * gain * model.config.threshold, weight @ offset + bias


def projection_bias(model: DSFormer) -> Tensor:
    """The constants of the whole residual stream, (D,), in thresholds; the host adds them to the action."""
    biases = []
    for block in cast(list[Block | MlpBlock], model.blocks):
        mixings = mixing_parts(block.attention, "").values() if isinstance(block, Block) else ()
        layers = (*(mixing.project for mixing in mixings), block.mlp.project)
        biases += [fold_linear(layer, model.config.threshold)[1] for layer in layers]
    return torch.stack(biases).sum(0)


def round_synapses(synapses: Synapses, scale: int, weight_format: WeightFormat) -> Synapses:
    """Each connection as the exporter rounds it; its gradient goes to the real weights unchanged."""
    return Synapses(
        tuple(
            _through(weight, round_weight(_array(weight), scale, weight_format).value) for weight in synapses.weights
        ),
        tuple(_through(item, _rounded_bias(_array(item), scale, weight_format.bits)) for item in synapses.biases),
    )


class _RoundThrough(torch.autograd.Function):
    """The rounded weights forward, the real weights' gradient backward."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, real: Tensor, rounded: Tensor) -> Tensor:
        return rounded

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        return grad_outputs[0], None


def _through(real: Tensor, rounded: Array) -> Tensor:
    value: Tensor = _RoundThrough.apply(real, torch.from_numpy(rounded).to(real))  # type: ignore[no-untyped-call]
    return value


def _rounded_bias(bias: Array, scale: int, bits: int) -> Array:
    """What the bias line's connections add up to."""
    total: Array = np.sum([part.value for part in round_bias(bias, scale, bits)], axis=0) / scale
    return total


def _reader(projections: list[Affine], offset: Tensor | None = None) -> Synapses:
    """What reaches a reader of the residual stream besides the token: all projections so far, the biases as one."""
    biases = [bias for _, bias in projections] + ([] if offset is None else [offset])
    if not biases:
        return Synapses()
    return Synapses(tuple(weight for weight, _ in projections), (torch.stack(biases).sum(0),))


def _mixing(mixing: PlainMixing, name: str, levels: int, threshold: float) -> dict[str, Synapses]:
    """Of a mixing that reads ``levels`` layers side by side."""
    if isinstance(mixing, PSSA):
        factors = {"query": mixing.query, "key": mixing.key, "value": mixing.value}
        groups = {}
        for factor, layer in factors.items():
            weight, bias = fold_linear(layer, threshold)
            groups[f"{name}.{factor}"] = Synapses(weight.chunk(levels, dim=1), (bias,))
        assert isinstance(mixing.position, RelativeWeights)  # pairwise ones are refused before
        position = double(mixing.position.per_channel()) / threshold
        return groups | {f"{name}.output": Synapses((position.T,))}
    assert isinstance(mixing, DelayMixing | DelayMatrixMixing)  # the others do not stream, and are refused before
    weights, past_biases, bias = fold_delay(mixing, threshold)
    each = tuple(part for weight in weights.unbind() for part in weight.chunk(levels, dim=1))
    return {f"{name}.output": Synapses(each, (past_biases[0] + bias, *past_biases[1:].unbind()))}


def _single(affine: Affine) -> Synapses:
    weight, bias = affine
    return Synapses((weight,), (bias,))


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.detach().cpu().numpy()
    return array
