"""Networks as a Rockpool user writes them, exported by Rockpool itself, and what Rockpool makes of a sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nir
import torch
from numpy.typing import NDArray
from rockpool.nn.combinators import Sequential
from rockpool.nn.modules import LIFNeuronTorch, LIFTorch, LinearTorch
from rockpool.nn.modules.torch.nir import to_nir

from support.writers.drawn import HIDDEN, INPUTS, OUTPUTS, Drawn

# nirtorch: 2 calls nir with an argument that nir 1.0.4, the newest that Rockpool allows, does not have.
PINS = ("rockpool==3.1.0", "nir==1.0.4", "nirtorch==1.0", "torch==2.13.0")
OPTIONS = ("from=rockpool",)
DT = 1e-3


def export(network: Any, shape: tuple[int, ...], path: Path) -> None:
    """Write it by Rockpool's own exporter."""
    nir.write(path, to_nir(network, torch.zeros(1, 1, *shape)))


@torch.no_grad()
def run(network: Any, sample: NDArray[Any]) -> NDArray[Any]:
    """The output's spikes in each time step, (steps, outputs): how many."""
    network.reset_state()
    spikes, _, _ = network(torch.as_tensor(sample, dtype=torch.float32)[None])
    given: NDArray[Any] = spikes[0].detach().numpy()
    return given


def _two_layers(neurons: Any, weight: float) -> Any:
    def make() -> Any:
        """Weights above 0: as large as they are drawn, no neuron then holds two thresholds at once."""
        linear = [LinearTorch((INPUTS, HIDDEN)), LinearTorch((HIDDEN, OUTPUTS))]
        for module in linear:
            module.weight.data = module.weight.data.abs() * weight
        return Sequential(linear[0], neurons(HIDDEN), linear[1], neurons(OUTPUTS))

    return make


def _with_current(size: int) -> Any:
    one = torch.ones(size)
    return LIFTorch(size, tau_mem=0.02 * one, tau_syn=0.01 * one, threshold=one, bias=0 * one, dt=DT)


def _leaky(size: int) -> Any:
    one = torch.ones(size)
    return LIFNeuronTorch(size, tau_mem=0.02 * one, threshold=one, bias=0 * one, dt=DT)


def _unequal(size: int) -> Any:
    one = torch.ones(size)
    return LIFNeuronTorch(size, tau_mem=torch.linspace(0.01, 0.03, size), threshold=one, bias=0 * one, dt=DT)


NETWORKS = {
    "leaky": Drawn(_two_layers(_leaky, 0.2), OPTIONS),
    "unequal-tau": Drawn(_two_layers(_unequal, 0.2), OPTIONS),
    "several-spikes": Drawn(_two_layers(_leaky, 0.6), OPTIONS),
    "current": Drawn(_two_layers(_with_current, 0.035), OPTIONS),
}
