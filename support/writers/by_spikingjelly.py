"""Networks as a SpikingJelly user writes them, exported by SpikingJelly itself, and what it makes of a sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch
from numpy.typing import NDArray
from spikingjelly.activation_based import functional, neuron
from spikingjelly.activation_based.nir_exchange import export_to_nir
from torch import nn

from support.writers.drawn import HIDDEN, IMAGE, INPUTS, LINES, OUTPUTS, Drawn

PINS = ("spikingjelly==2.0.0", "nir==1.0.8", "nirtorch==2.6", "torch==2.13.0")
OPTIONS = ("from=spikingjelly",)
WITH_DT = (*OPTIONS, "dt=1e-4")  # what its exporter means unless told, where r = 1 says nothing


def export(network: nn.Module, shape: tuple[int, ...], path: Path) -> None:
    """Write it by SpikingJelly's own exporter."""
    nir.write(path, export_to_nir(network, torch.zeros(1, *shape)))


@torch.no_grad()
def run(network: nn.Module, sample: NDArray[Any]) -> NDArray[Any]:
    """The output's spikes in each time step, (steps, outputs)."""
    functional.reset_net(network)
    return np.array([network(row[None])[0].numpy() for row in torch.as_tensor(sample, dtype=torch.float32)])


def _two_layers(hidden: Any, output: Any) -> Any:
    def make() -> nn.Sequential:
        return _larger(nn.Sequential(nn.Linear(INPUTS, HIDDEN), hidden(), nn.Linear(HIDDEN, OUTPUTS), output()))

    return make


def _convolution() -> nn.Sequential:
    return _larger(
        nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1),
            _leaky(v_threshold=0.5),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(3 * 3 * 4, OUTPUTS),
            _leaky(v_threshold=0.5),
        )
    )


def _convolution_of_lines() -> nn.Sequential:
    return _larger(
        nn.Sequential(
            nn.Conv1d(2, 6, 3, stride=2, padding=1),
            _leaky(v_threshold=0.5),
            nn.Flatten(),
            nn.Linear(6 * 6, OUTPUTS),
            _leaky(v_threshold=0.5),
        )
    )


def _larger(network: nn.Sequential) -> nn.Sequential:
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
                module.weight *= 3
    return network


def _leaky(**changes: Any) -> Any:
    return neuron.LIFNode(**{"tau": 4.0, "decay_input": False, "v_reset": 0.0, **changes})


def _decaying() -> Any:
    return _leaky(decay_input=True, v_threshold=0.2)


def _with_current() -> Any:
    return neuron.CUBALIFNode(c_decay=0.5, v_decay=0.8, v_threshold=2.0)


NETWORKS = {
    "leaky": Drawn(_two_layers(_leaky, _leaky), OPTIONS),
    "decayed-input": Drawn(_two_layers(_decaying, _decaying), WITH_DT),
    "current": Drawn(_two_layers(_with_current, _with_current), OPTIONS),
    "integrator": Drawn(_two_layers(neuron.IFNode, neuron.IFNode), OPTIONS),
    "reset-below": Drawn(_two_layers(lambda: _leaky(v_reset=-0.25), _leaky), OPTIONS),
    "convolution": Drawn(_convolution, OPTIONS, IMAGE),
    "convolution-of-lines": Drawn(_convolution_of_lines, OPTIONS, LINES),
}
