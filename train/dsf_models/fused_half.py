"""Half of a block, attention or MLP with the neurons that it reads, by kernels that are one node of the gradient.

They compute what the modules say, and return None where kernels do not serve all of it: in evaluation, on a GPU, in
other precisions, and for other mixings, norms and paddings. The modules do it themselves then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from dsf_models import kernels
from dsf_models.lif import Lif
from dsf_models.mixings.position_weights import RelativeWeights
from dsf_models.mixings.pssa import PSSA
from dsf_models.padding import TokenLayout
from dsf_models.spiking_layers import NormalisedLinear, SpikingLinear, served_layers

if TYPE_CHECKING:
    from dsf_models.kernels.chain import Kernel, Result
    from dsf_models.kernels.layer import Layer


def attend(residual: Tensor, neuron: nn.Module, mixing: nn.Module, layout: TokenLayout, record: bool) -> Result | None:
    """The residual stream (T, tokens, D) after a PSSA that reads the spikes of ``neuron``.

    Recorded are those spikes, q, k and v side by side, and the attention's.
    """
    if (
        not kernels.serves(residual)
        or not isinstance(mixing, PSSA)
        or not isinstance(mixing.position, RelativeWeights)
        or not isinstance(neuron, Lif)
    ):
        return None
    layers = served_layers(residual, [mixing.query, mixing.key, mixing.value])
    project = served_layers(residual, [mixing.project])
    if not layers or not project or not layout.is_left_padded:
        return None
    from dsf_models.kernels.pssa import GatedNeurons  # here, since numba need not be installed

    gated = GatedNeurons(mixing.position.per_channel(), layout.bounds(), mixing.neuron.constants())
    return _half(residual, neuron, (layers, mixing.query.neuron), [gated], project, record)


def process(
    residual: Tensor, neuron: Lif, hidden: SpikingLinear, project: NormalisedLinear, record: bool
) -> Result | None:
    """The residual stream (T, tokens, D) after an MLP that reads the spikes of ``neuron``.

    Recorded are those spikes and the hidden ones.
    """
    if not kernels.serves(residual):
        return None
    layers, last = served_layers(residual, [hidden]), served_layers(residual, [project])
    return _half(residual, neuron, (layers, hidden.neuron), [], last, record) if layers and last else None


def _half(
    residual: Tensor,
    neuron: Lif,
    spiking: tuple[list[Layer], Lif],
    between: list[Kernel],
    project: list[Layer],
    record: bool,
) -> Result:
    from dsf_models.kernels.chain import run  # here, since numba need not be installed
    from dsf_models.kernels.layer import CurrentLayer, SpikingLayers
    from dsf_models.kernels.lif import Neurons

    layers, neurons = spiking
    first: list[Kernel] = [Neurons(neuron.constants()), SpikingLayers(layers, neurons.constants())]
    return run([*first, *between, CurrentLayer(project[0], residual)], residual, record)
