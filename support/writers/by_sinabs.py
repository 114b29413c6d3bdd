"""Networks as a sinabs user writes them, exported by sinabs itself, and what sinabs makes of a sample."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import sinabs
import sinabs.layers as layers
import torch
from numpy.typing import NDArray
from sinabs.nir import to_nir
from torch import nn

from support.writers.drawn import HIDDEN, INPUTS, OUTPUTS, Drawn

# nirtorch: 2 calls nir with an argument that nir 1.0.4, the newest that sinabs allows, does not have.
PINS = ("sinabs==3.1.3", "nir==1.0.4", "nirtorch==1.0", "torch==2.13.0")
PLAIN = ("from=sinabs", "norm_input=false")
NORMED = ("from=sinabs", "norm_input=true")


def export(network: nn.Module, shape: tuple[int, ...], path: Path) -> None:
    """Write it by sinabs's own exporter, which looks at states that a first run makes."""
    given = torch.zeros(1, *shape)
    network(given)
    nir.write(path, to_nir(network, given))


@torch.no_grad()
def run(network: nn.Module, sample: NDArray[Any]) -> NDArray[Any]:
    """The output's spikes in each time step, (steps, outputs): how many."""
    sinabs.reset_states(network)
    spikes: NDArray[Any] = network(torch.as_tensor(sample, dtype=torch.float32)).numpy()
    return spikes


def _two_layers(neurons: Any, weight: float) -> Any:
    def make() -> nn.Sequential:
        network = (nn.Linear(INPUTS, HIDDEN), neurons(HIDDEN), nn.Linear(HIDDEN, OUTPUTS), neurons(OUTPUTS))
        return _excited(nn.Sequential(*network), weight)

    return make


def _leaky(size: int, tau: torch.Tensor | None = None, norm_input: bool = False) -> Any:
    """Neurons with vectors of parameters. Convolutions lack the shape of their input, so nir cannot write them."""
    given = torch.full((size,), 10.0) if tau is None else tau
    return layers.LIFSqueeze(tau_mem=given, spike_threshold=torch.ones(size), batch_size=1, norm_input=norm_input)


def _normed(size: int) -> Any:
    return _leaky(size, norm_input=True)


def _unequal(size: int) -> Any:
    return _leaky(size, tau=torch.linspace(4.0, 20.0, size))


def _integrators(size: int) -> Any:
    return layers.IAFSqueeze(spike_threshold=torch.ones(size), batch_size=1)


def _excited(network: nn.Sequential, factor: float) -> nn.Sequential:
    """Weights above 0: as large as they are drawn, no neuron then holds two thresholds at once."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear):
                module.weight.copy_(module.weight.abs() * factor)
    return network


def _three_layers() -> nn.Sequential:
    sizes = (INPUTS, HIDDEN, HIDDEN, OUTPUTS)
    pairs = [(nn.Linear(ins, outs), _leaky(outs)) for ins, outs in pairwise(sizes)]
    return _excited(nn.Sequential(*(module for pair in pairs for module in pair)), 0.75)


NETWORKS = {
    "leaky": Drawn(_two_layers(_leaky, 0.5), PLAIN),
    "leaky-normed": Drawn(_two_layers(_normed, 5.0), NORMED),
    "unequal-tau": Drawn(_two_layers(_unequal, 0.5), PLAIN),
    "three-layers": Drawn(_three_layers, PLAIN),
    "integrator": Drawn(_two_layers(_integrators, 0.5), PLAIN),
    "several-spikes": Drawn(_two_layers(_leaky, 2.0), PLAIN),
}
