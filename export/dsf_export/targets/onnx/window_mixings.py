"""Token mixings over whole windows in ONNX, those that do not stream among them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch import nn

from dsf_common.errors import UserError
from dsf_export.folding import Affine, fold_linear
from dsf_export.mixings import lowering_of
from dsf_export.mixings.delay_matrix import DelayMatrixLowering
from dsf_export.mixings.delayed_synapses import FoldedDelays
from dsf_export.mixings.folded_mixing import FoldedMixing
from dsf_export.mixings.pssa import FoldedPssa, PssaLowering
from dsf_export.targets.onnx.linear import array
from dsf_export.targets.onnx.window_layers import SPIKES, Layers
from dsf_models.configuration import ModelConfig
from dsf_models.mixings.attention import FACTORS, Attention
from dsf_models.mixings.delay_matrix import DelayMatrixMixing
from dsf_models.mixings.position_weights import PairwiseWeights
from dsf_models.mixings.pssa import PSSA
from dsf_models.mixings.pssa_delay_matrix import PssaBesideDelayMatrix, delayed_part
from dsf_models.mixings.sdsa1 import SDSA1
from dsf_models.mixings.sdsa3 import SDSA3
from dsf_models.mixings.sssa import SSSA
from dsf_models.mixings.token_mixing import TokenMixing
from dsf_models.mixings.tssa import TSSA


def add_mixing(layers: Layers, mixing: TokenMixing, inputs: str, prefix: str, threshold: float) -> Iterator[str]:
    """The currents that ``mixing`` adds to the residual stream, part by part, (T, tokens, D).

    Raises
    ------
    UserError
        It has no such form, or a normalisation does not fold.
    """
    if isinstance(mixing, PssaBesideDelayMatrix):
        yield from add_mixing(layers, mixing.delay, inputs, delayed_part(prefix), threshold)
        yield from add_mixing(layers, mixing.pssa, inputs, prefix, threshold)
    elif isinstance(mixing, Attention) and not _is_relative(mixing):
        yield _attention(layers, mixing, inputs, prefix, threshold)
    else:
        _require_memoryless(mixing)
        for part, folded in _folded_parts(mixing, prefix, threshold).items():
            yield layers.affine(_folded(layers, folded, inputs, part), folded.project)


def _folded_parts(mixing: TokenMixing, prefix: str, threshold: float) -> dict[str, FoldedMixing]:
    """The folded form of a mixing, or of one that is a part of another."""
    match mixing:
        case PSSA():
            return PssaLowering().fold(mixing, prefix, threshold)
        case DelayMatrixMixing():
            return DelayMatrixLowering().fold(mixing, prefix, threshold)
        case _:
            return lowering_of(mixing.config.mixing).fold(mixing, prefix, threshold)


def _is_relative(mixing: nn.Module) -> bool:
    return isinstance(mixing, PSSA) and not isinstance(mixing.position, PairwiseWeights)


def _require_memoryless(mixing: TokenMixing) -> None:
    if isinstance(mixing, DelayMatrixMixing) and mixing.carries:
        raise UserError(
            "membranes that carry over from token to token (model.carry_membranes=true) have no ONNX form, which would "
            "have to step through a window of any length; train with model.carry_membranes=false"
        )


def _attention(layers: Layers, mixing: Attention, inputs: str, prefix: str, threshold: float) -> str:
    """``PTBN(W_o SN(A(q, k, v)))``."""
    factors = (mixing.query, mixing.key, mixing.value)
    query, key, value = (
        layers.fire(f"{prefix}.{name}", layers.affine(inputs, fold_linear(layer, f"{prefix}.{name}", threshold)))
        for name, layer in zip(FACTORS, factors, strict=True)
    )
    output = _attended(layers, mixing, (query, key, value), prefix, threshold)
    return layers.affine(output, fold_linear(mixing.project, f"{prefix}.project", threshold))


def _attended(layers: Layers, mixing: Attention, factors: tuple[str, str, str], prefix: str, threshold: float) -> str:
    query, key, value = factors
    name = f"{prefix}.output"
    match mixing:
        case SDSA1():
            seen = _sum_of_window(layers, layers.graph.op("Mul", key, value), mixing.config)
            past = layers.fire(f"{prefix}.sum", layers.scaled(seen, 1 / threshold))
            output = layers.graph.op("Mul", query, past)
            layers.record(name, output, SPIKES)
            return output
        case SDSA3():
            scale = mixing.SCALE / threshold
            return layers.fire(name, _mapped(layers, mixing.config, factors, scale, over_steps=False))
        case SSSA():
            return layers.fire(name, _mapped(layers, mixing.config, factors, 1 / threshold, over_steps=False))
        case TSSA():
            return layers.fire(name, _mapped(layers, mixing.config, factors, 1 / threshold, over_steps=True))
        case PSSA():
            return layers.fire(name, layers.scaled(_pairwise(layers, mixing, factors), 1 / threshold))
        case _:
            raise UserError(f"{type(mixing).__name__} has no ONNX form over a window; train with another model.mixing")


def _sum_of_window(layers: Layers, terms: str, config: ModelConfig) -> str:
    """The sum of each token's last S terms."""
    if config.window < config.context:
        return layers.of_past([terms] * config.window)
    return layers.graph.op("CumSum", terms, layers.graph.constant(1, np.int64))


def _mapped(layers: Layers, config: ModelConfig, factors: tuple[str, str, str], scale: float, over_steps: bool) -> str:
    """``scale · (M ⊙ min(q kᵀ, c)) v`` by heads, M of each token's last S; q kᵀ of all steps where ``over_steps``."""
    graph = layers.graph
    by_head = graph.constant(np.array([0, 0, config.heads, -1]), np.int64)
    query, key, value = (graph.op("Reshape", spikes, by_head) for spikes in factors)
    q, v = (graph.op("Transpose", spikes, perm=[0, 2, 1, 3]) for spikes in (query, value))
    scores = graph.op("MatMul", q, graph.op("Transpose", key, perm=[0, 2, 3, 1]))
    if over_steps:
        scores = graph.op("ReduceSum", scores, graph.constant(np.array([0]), np.int64), keepdims=1)
    if config.score_limit:
        scores = graph.op("Min", scores, graph.constant(config.score_limit, np.float32))
    seen = graph.op("Trilu", graph.op("Trilu", scores, upper=0), graph.constant(1 - config.window, np.int64), upper=1)
    mixed = graph.op("MatMul", seen, v)
    merged = graph.op("Transpose", mixed, perm=[0, 2, 1, 3])
    flat = graph.op("Reshape", merged, graph.constant(np.array([0, 0, -1]), np.int64))
    return layers.scaled(flat, scale)


def _pairwise(layers: Layers, mixing: PSSA, factors: tuple[str, str, str]) -> str:
    """``q_i ⊙ Σ_j P_ij (k_j ∧ v_j)``; a window of fewer than K tokens holds the last places."""
    graph, position = layers.graph, mixing.position
    assert isinstance(position, PairwiseWeights)
    query, key, value = factors
    weight = array(position.weight * position.seen)
    tokens = graph.op("Shape", key, start=1, end=2)
    first = graph.op("Sub", graph.constant(np.array([len(weight)]), np.int64), tokens)
    starts = graph.op("Concat", first, first, axis=0)
    ends = graph.constant(np.array(weight.shape), np.int64)
    seen = graph.op("Slice", graph.constant(weight), starts, ends)
    return graph.op("Mul", query, graph.op("MatMul", seen, graph.op("Mul", key, value)))


def _folded(layers: Layers, folded: FoldedMixing, inputs: str, prefix: str) -> str:
    """The output layer's spikes of a mixing that streams, over a window."""
    match folded:
        case FoldedPssa():
            query, key, value = (
                layers.fire(f"{prefix}.{name}", layers.affine(inputs, affine))
                for name, affine in folded.factors.items()
            )
            both = layers.graph.op("Mul", key, value)
            weights = (layers.graph.constant(row) for row in array(folded.position))
            seen = layers.of_past([layers.graph.op("Mul", both, weight) for weight in weights])
            return layers.fire(f"{prefix}.output", layers.graph.op("Mul", query, seen))
        case FoldedDelays():
            pairs = zip(folded.weight, folded.biases, strict=True)
            terms = [layers.affine(inputs, Affine(weight, bias)) for weight, bias in pairs]
            return layers.fire(f"{prefix}.output", layers.of_past(terms))
        case _:
            raise UserError(
                f"a {type(folded).__name__} has no ONNX form over a window; "
                "train with another model.mixing, or with dimensions that stream"
            )
