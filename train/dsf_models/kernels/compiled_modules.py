"""Modules of a DSFormer whose ``forward`` goes through kernels, and how a model is rebuilt of them.

Each class computes its base class's equation. The annotations in its body name the parts that it needs to be compiled
themselves, or of just that class: where a norm or a mixing is another one, the module around it keeps its PyTorch form.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TypeVar

from torch import Tensor, nn

from dsf_models import distributed
from dsf_models.batch_norm import TokenBatchNorm
from dsf_models.dsformer import Block, Mlp
from dsf_models.kernels.fused import Kernel, PackSpikes, fused_output, run_fused
from dsf_models.kernels.lif import Neurons
from dsf_models.kernels.pssa import GatedNeurons
from dsf_models.kernels.ptbn import Normalise
from dsf_models.kernels.spike_linear import LinearLayer
from dsf_models.kernels.spiking_layer import CurrentLayer, SpikingLayers
from dsf_models.lif import Lif
from dsf_models.mixings.attention import record_attention
from dsf_models.mixings.position_weights import RelativeWeights
from dsf_models.mixings.pssa import PSSA
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


class CompiledPSSA(PSSA):
    """PSSA by distance as one node, from the spikes that it reads to the residual stream."""

    query: CompiledSpikingLinear
    key: CompiledSpikingLinear
    value: CompiledSpikingLinear
    position: RelativeWeights
    neuron: CompiledLif
    project: CompiledNormalisedLinear

    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        raised, (_, factors, output) = run_fused([PackSpikes(), *self.kernels(residual, layout)], inputs, record=True)
        record_attention(spikes, prefix, factors.chunk(3, dim=-1), output)
        return raised

    def kernels(self, residual: Tensor, layout: TokenLayout) -> Sequence[Kernel]:
        """The kernels from the spikes that the mixing reads to the residual stream."""
        return (
            SpikingLayers([self.query, self.key, self.value]),
            GatedNeurons(self.position.per_channel(), layout.bounds(), self.neuron),
            CurrentLayer(self.project, residual),
        )


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
    attention: CompiledPSSA

    def mix(self, residual: Tensor, layout: TokenLayout, spikes: Spikes | None, prefix: str) -> Tensor:
        kernels = [Neurons(self.attention_neuron), *self.attention.kernels(residual, layout)]
        raised, layers = run_fused(kernels, residual, record=spikes is not None)
        if spikes is not None:
            inputs, factors, output = layers
            spikes[f"{prefix}.input"] = inputs
            record_attention(spikes, prefix, factors.chunk(3, dim=-1), output)
        return raised


FORMS = (
    CompiledLif,
    CompiledSpikeLinear,
    CompiledPTBN,
    CompiledNormalisedLinear,
    CompiledSpikingLinear,
    CompiledPSSA,
    CompiledMlp,
    CompiledBlock,
)


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
        needed = inspect.get_annotations(form, eval_str=True)
        if form.__base__ is kind and all(type(parts[name]) is needed[name] for name in needed):
            return form
    return None
