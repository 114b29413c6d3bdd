"""Networks as an snnTorch user writes them, exported by snnTorch itself, and what snnTorch makes of a sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import snntorch as snn
import torch
from numpy.typing import NDArray
from snntorch.export_nir import export_to_nir
from torch import nn

from support.writers.drawn import HIDDEN, IMAGE, INPUTS, OUTPUTS, Drawn

PINS = ("snntorch==1.0.0", "nir==1.0.8", "nirtorch==2.6", "torch==2.13.0")


def make(name: str, seed: int) -> nn.Sequential:
    """A network with weights by ``seed``, large enough that it fires."""
    torch.manual_seed(seed)
    network: nn.Sequential = NETWORKS[name].make()
    return network


def export(network: nn.Sequential, shape: tuple[int, ...], path: Path) -> None:
    """Write it by snnTorch's own exporter."""
    nir.write(path, export_to_nir(network, torch.zeros(1, *shape), ignore_dims=[0]))


@torch.no_grad()
def run(network: nn.Sequential, sample: NDArray[Any]) -> NDArray[Any]:
    """The output's spikes in each time step, (steps, outputs)."""
    for module in network.modules():
        if isinstance(module, snn.SpikingNeuron):
            for state in ("reset_mem", "reset_hidden"):
                getattr(module, state, lambda: None)()
            if hasattr(module, "spk"):
                module.spk = torch.zeros(0)
    rows = []
    for row in torch.as_tensor(sample, dtype=torch.float32):
        out = network(row[None])
        rows.append((out[0] if isinstance(out, tuple) else out)[0].numpy())
    return np.array(rows)


def _larger(network: nn.Sequential) -> nn.Sequential:
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                module.weight *= 2
    return network


def _two_layers(hidden: Callable[[], nn.Module], output: Callable[[], nn.Module], bias: bool = True) -> Any:
    return lambda: _larger(
        nn.Sequential(nn.Linear(INPUTS, HIDDEN, bias), hidden(), nn.Linear(HIDDEN, OUTPUTS, bias), output())
    )


def _leaky(reset: str, beta: torch.Tensor) -> Any:
    """Neurons with vectors of parameters: numbers fail in the exporter or in NIR's writer."""
    return lambda: snn.Leaky(beta, threshold=torch.ones_like(beta), init_hidden=True, reset_mechanism=reset)


def _synaptic(size: int) -> Any:
    alpha, beta = torch.full((size,), 0.6), torch.full((size,), 0.85)
    return lambda: snn.Synaptic(alpha, beta, threshold=torch.ones(size), init_hidden=True, reset_mechanism="zero")


def _recurrent(reset: str) -> Any:
    return lambda: snn.RLeaky(0.85, linear_features=HIDDEN, init_hidden=True, reset_mechanism=reset)


def _hidden(reset: str) -> Any:
    return _leaky(reset, torch.full((HIDDEN,), 0.9))


def _output(reset: str) -> Any:
    return _leaky(reset, torch.full((OUTPUTS,), 0.8))


def _fed_back(reset: str) -> Any:
    """Neurons that feed themselves before outputs that they excite, so that these fire."""

    def make() -> nn.Sequential:
        network: nn.Sequential = _two_layers(_recurrent(reset), _output(reset))()
        with torch.no_grad():
            output: Any = network[2]
            output.weight.abs_()
        return network

    return make


def _convolution(reset: str) -> Any:
    return lambda: _larger(
        nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1),
            _leaky(reset, torch.full((3, 6, 8), 0.8))(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(3 * 3 * 4, OUTPUTS),
            _leaky(reset, torch.full((OUTPUTS,), 0.9))(),
        )
    )


def _two_convolutions() -> nn.Sequential:
    """The second one with a stride; nir 1.0.8 writes no other than a square kernel after it."""
    return _larger(
        nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1),
            _leaky("zero", torch.full((4, 6, 8), 0.7))(),
            nn.Conv2d(4, 4, 2, stride=2),
            _leaky("zero", torch.full((4, 3, 4), 0.8))(),
            nn.Flatten(),
            nn.Linear(4 * 3 * 4, OUTPUTS),
            _leaky("zero", torch.full((OUTPUTS,), 0.9))(),
        )
    )


ZERO = ("from=snntorch", "reset=zero")
SUBTRACT = ("from=snntorch", "reset=subtract")

NETWORKS = {
    "leaky-zero": Drawn(_two_layers(_hidden("zero"), _output("zero")), ZERO),
    "leaky-subtract": Drawn(_two_layers(_hidden("subtract"), _output("subtract")), SUBTRACT),
    "leaky-no-bias": Drawn(_two_layers(_hidden("zero"), _output("zero"), bias=False), ZERO),
    "synaptic-zero": Drawn(_two_layers(_synaptic(HIDDEN), _synaptic(OUTPUTS)), ZERO),
    "unequal-beta": Drawn(
        _two_layers(_leaky("zero", torch.linspace(0.5, 0.95, HIDDEN)), _output("zero")),
        ZERO,
    ),
    "recurrent-zero": Drawn(_fed_back("zero"), ZERO),
    "recurrent-subtract": Drawn(_fed_back("subtract"), SUBTRACT),
    "convolution": Drawn(_convolution("zero"), ZERO, IMAGE),
    "convolution-subtract": Drawn(_convolution("subtract"), SUBTRACT, IMAGE),
    "two-convolutions": Drawn(_two_convolutions, ZERO, IMAGE),
}
