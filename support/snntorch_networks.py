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

INPUTS, HIDDEN, OUTPUTS = 10, 16, 4


def networks() -> dict[str, tuple[Callable[[], nn.Sequential], tuple[int, ...], str]]:
    """By name: the network, its input's shape, and its reset."""
    output = torch.full((OUTPUTS,), 0.8)
    return {
        "leaky-zero": (lambda: _two_layers(*_pair("zero")), (INPUTS,), "zero"),
        "leaky-subtract": (lambda: _two_layers(*_pair("subtract")), (INPUTS,), "subtract"),
        "leaky-no-bias": (lambda: _two_layers(*_pair("zero"), bias=False), (INPUTS,), "zero"),
        "synaptic-zero": (lambda: _two_layers(_synaptic(HIDDEN), _synaptic(OUTPUTS)), (INPUTS,), "zero"),
        "unequal-beta": (
            lambda: _two_layers(_leaky("zero", torch.linspace(0.5, 0.95, HIDDEN)), _leaky("zero", output)),
            (INPUTS,),
            "zero",
        ),
        "recurrent-zero": (lambda: _two_layers(_recurrent("zero"), _leaky("zero", output)), (INPUTS,), "zero"),
        "recurrent-subtract": (
            lambda: _two_layers(_recurrent("subtract"), _leaky("subtract", output)),
            (INPUTS,),
            "subtract",
        ),
        "convolution": (_convolution, (2, 6, 8), "zero"),
    }


def make(name: str, seed: int) -> nn.Sequential:
    """A network with weights by ``seed``, large enough that it fires."""
    torch.manual_seed(seed)
    network = networks()[name][0]()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                module.weight *= 2
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


def _two_layers(hidden: nn.Module, output: nn.Module, bias: bool = True) -> nn.Sequential:
    return nn.Sequential(nn.Linear(INPUTS, HIDDEN, bias), hidden, nn.Linear(HIDDEN, OUTPUTS, bias), output)


def _leaky(reset: str, beta: torch.Tensor) -> Any:
    """Neurons with vectors of parameters: numbers fail in the exporter or in NIR's writer."""
    return snn.Leaky(beta, threshold=torch.ones_like(beta), init_hidden=True, reset_mechanism=reset)


def _synaptic(size: int) -> Any:
    alpha, beta = torch.full((size,), 0.6), torch.full((size,), 0.85)
    return snn.Synaptic(alpha, beta, threshold=torch.ones(size), init_hidden=True, reset_mechanism="zero")


def _recurrent(reset: str) -> Any:
    return snn.RLeaky(0.85, linear_features=HIDDEN, init_hidden=True, reset_mechanism=reset)


def _pair(reset: str) -> tuple[Any, Any]:
    return _leaky(reset, torch.full((HIDDEN,), 0.9)), _leaky(reset, torch.full((OUTPUTS,), 0.8))


def _convolution() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1),
        _leaky("zero", torch.full((3, 6, 8), 0.8)),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(3 * 3 * 4, OUTPUTS),
        _leaky("zero", torch.full((OUTPUTS,), 0.9)),
    )
