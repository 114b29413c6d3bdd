"""Modules of a DSFormer whose ``forward`` goes through kernels, and how a model is rebuilt of them.

Each class computes its base class's equation. The annotations in its body name the parts that it needs to be compiled
themselves, or of just that class: where a norm or a mixing is another one, the module around it keeps its PyTorch form.
"""

from __future__ import annotations

import inspect
import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
from torch import Tensor, nn

from dsf_models import distributed
from dsf_models.batch_norm import TokenBatchNorm
from dsf_models.dsformer import Block, Mlp
from dsf_models.kernels.fused import Kernel, PackSpikes, fused_output, run_fused
from dsf_models.kernels.lif import Neurons
from dsf_models.kernels.parallel import as_array
from dsf_models.kernels.pssa import GatedNeurons
from dsf_models.kernels.ptbn import Normalise
from dsf_models.kernels.score_map import MapNeurons, ScoreMap
from dsf_models.kernels.spike_linear import LinearLayer
from dsf_models.kernels.spiking_layer import CurrentLayer, SpikingLayers
from dsf_models.kernels.window_sum import Gate, SummingNeurons
from dsf_models.lif import Lif
from dsf_models.mixings.attention import Attention, MapAttention, record_attention
from dsf_models.mixings.position_weights import RelativeWeights
from dsf_models.mixings.pssa import PSSA
from dsf_models.mixings.sdsa1 import SDSA1
from dsf_models.mixings.sdsa3 import SDSA3
from dsf_models.mixings.sssa import SSSA
from dsf_models.mixings.tssa import TSSA
from dsf_models.normalisation import PTBN
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes
from dsf_models.spiking_layers import NormalisedLinear, SpikeLinear, SpikingLinear
from dsf_models.surrogates import Rectangle

M = TypeVar("M", bound=nn.Module)


class CompiledLif(Lif):
    """``SN(X)`` by one kernel."""

    def forward(self, current: Tensor) -> Tensor:
        return fused_output([Neurons(self)], current)


class CompiledSpikeLinear(SpikeLinear):
    """``W s + b`` by tables of sums, or by a dense product where its shape does not fit them."""

    def forward(self, spikes: Tensor) -> Tensor:
        return fused_output([PackSpikes(), LinearLayer(self)], spikes)


class CompiledPTBN(PTBN):
    """``PTBN(X)`` in training by one kernel."""

    layer_norm: nn.LayerNorm
    batch_norm: TokenBatchNorm

    def forward(self, current: Tensor) -> Tensor:
        return fused_output([Normalise(self)], current)


class CompiledNormalisedLinear(NormalisedLinear):
    """``PTBN(W s + b)`` as one node of autograd's graph."""

    linear: CompiledSpikeLinear
    norm: CompiledPTBN

    def forward(self, spikes: Tensor) -> Tensor:
        return fused_output([PackSpikes(), CurrentLayer(self)], spikes)

    def onto(self, residual: Tensor, spikes: Tensor) -> Tensor:
        return fused_output([PackSpikes(), CurrentLayer(self, residual)], spikes)


class CompiledSpikingLinear(SpikingLinear):
    """``SN(PTBN(W s + b))`` as one node."""

    linear: CompiledSpikeLinear
    norm: CompiledPTBN
    neuron: CompiledLif

    def forward(self, spikes: Tensor) -> Tensor:
        return fused_output([PackSpikes(), SpikingLayers([self])], spikes)


class FusedAttention(Attention):
    """An attention as one node, from the spikes that it reads to the residual stream."""

    query: CompiledSpikingLinear
    key: CompiledSpikingLinear
    value: CompiledSpikingLinear
    neuron: CompiledLif
    project: CompiledNormalisedLinear

    @abstractmethod
    def neurons(self, layout: TokenLayout) -> Sequence[Kernel]:
        """The kernels from packed spikes q, k and v, side by side, to those of the attention's output."""

    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        raised, (_, *layers) = run_fused([PackSpikes(), *self.kernels(residual, layout)], inputs, record=True)
        self.record(spikes, prefix, layers)
        return raised

    def record(self, spikes: Spikes, prefix: str, layers: Sequence[Tensor]) -> None:
        """Record what :meth:`kernels` spiked, kernel by kernel."""
        factors, output = layers
        record_attention(spikes, prefix, factors.chunk(3, dim=-1), output)

    def kernels(self, residual: Tensor, layout: TokenLayout) -> Sequence[Kernel]:
        """The kernels from the spikes that the mixing reads to the residual stream."""
        return (
            SpikingLayers([self.query, self.key, self.value]),
            *self.neurons(layout),
            CurrentLayer(self.project, residual),
        )


class CompiledPSSA(FusedAttention, PSSA):
    """PSSA by distance."""

    position: RelativeWeights

    def neurons(self, layout: TokenLayout) -> Sequence[Kernel]:
        return (GatedNeurons(self.position.per_channel(), layout.bounds(), self.neuron),)


class FusedMapAttention(FusedAttention, MapAttention):
    """An attention with a map of scores."""

    over_time: ClassVar[bool] = False
    scale: ClassVar[float] = 1.0

    def neurons(self, layout: TokenLayout) -> Sequence[Kernel]:
        limit = self.config.score_limit or math.inf
        scores = ScoreMap(self.heads, self.config.window, limit, self.over_time, self.scale)
        return (MapNeurons(scores, layout.bounds(), self.neuron, precision_of(self.query)),)


class CompiledTSSA(FusedMapAttention, TSSA):
    """TSSA."""

    over_time = True


class CompiledSSSA(FusedMapAttention, SSSA):
    """SSSA."""


class CompiledSDSA3(FusedMapAttention, SDSA3):
    """SDSA-3."""

    scale = SDSA3.SCALE


class CompiledSDSA1(FusedAttention, SDSA1):
    """SDSA-1."""

    def neurons(self, layout: TokenLayout) -> Sequence[Kernel]:
        kind = precision_of(self.query)
        return SummingNeurons(self.config.window, layout.bounds(), self.neuron, kind), Gate()

    def record(self, spikes: Spikes, prefix: str, layers: Sequence[Tensor]) -> None:
        factors, gated, output = layers
        _, summed = gated.chunk(2, dim=-1)
        record_attention(spikes, prefix, factors.chunk(3, dim=-1), output, {"sum": summed})


class CompiledMlp(Mlp):
    """The MLP half of a block as one node, from residual stream to residual stream."""

    hidden: CompiledSpikingLinear
    project: CompiledNormalisedLinear

    def forward(self, residual: Tensor, neuron: Lif, spikes: Spikes | None, prefix: str) -> Tensor:
        kernels: list[Kernel] = [
            Neurons(neuron),
            SpikingLayers([self.hidden]),
            CurrentLayer(self.project, residual),
        ]
        raised, layers = run_fused(kernels, residual, record=spikes is not None)
        if spikes is not None:
            spikes |= zip((f"{prefix}.input", f"{prefix}.hidden"), layers, strict=True)
        return raised


class CompiledBlock(Block):
    """A block whose attention half is one node, from residual stream to residual stream."""

    attention_neuron: CompiledLif
    attention: FusedAttention

    def mix(self, residual: Tensor, layout: TokenLayout, spikes: Spikes | None, prefix: str) -> Tensor:
        kernels = [Neurons(self.attention_neuron), *self.attention.kernels(residual, layout)]
        raised, layers = run_fused(kernels, residual, record=spikes is not None)
        if spikes is not None:
            inputs, *inner = layers
            spikes[f"{prefix}.input"] = inputs
            self.attention.record(spikes, prefix, inner)
        return raised


FORMS = (
    CompiledLif,
    CompiledSpikeLinear,
    CompiledPTBN,
    CompiledNormalisedLinear,
    CompiledSpikingLinear,
    CompiledPSSA,
    CompiledTSSA,
    CompiledSSSA,
    CompiledSDSA1,
    CompiledSDSA3,
    CompiledMlp,
    CompiledBlock,
)


def precision_of(layer: CompiledSpikingLinear) -> np.dtype[Any]:
    """The precision of a layer's numbers, as arrays have it."""
    return as_array(layer.linear.bias).dtype


def twin(module: M) -> M:
    """``module`` with compiled forms of itself and its parts, of the same parameters and buffers.

    It is ``module`` itself where there is none. A module whose parts are the same shares its whole state with its twin,
    such as a PTBN its λ.
    """
    parts = {name: twin(part) for name, part in module.named_children()}
    form = None if _is_unserved_neuron(module) else _form_of(type(module), parts)
    same = all(part is module._modules[name] for name, part in parts.items())
    if form is None and same:
        return module
    made: M = object.__new__(form or type(module))
    made.__dict__ = module.__dict__ if same else module.__dict__ | {"_modules": module._modules | parts}
    return made


def _is_unserved_neuron(module: nn.Module) -> bool:
    """Whether these are neurons whose surrogate gradient needs more of a membrane than kernels keep, two bits."""
    return isinstance(module, Lif) and not isinstance(module.surrogate, Rectangle)


def _form_of(kind: type[nn.Module], parts: dict[str, nn.Module]) -> type | None:
    """The compiled form of a class with such parts, if there is one."""
    if kind is PTBN and distributed.processes() > 1:
        return None  # its statistics are those of all processes' tokens
    for form in FORMS:
        if kind in form.__bases__ and all(isinstance(parts[name], part) for name, part in _needed(form).items()):
            return form
    return None


def _needed(form: type) -> dict[str, type]:
    """The parts that ``form`` and the forms that it is made of ask for, by name."""
    ours = [cls for cls in form.__mro__ if cls.__module__ == __name__]
    hints = [inspect.get_annotations(cls, eval_str=True) for cls in ours]
    return {name: part for of_class in hints for name, part in of_class.items() if isinstance(part, type)}
