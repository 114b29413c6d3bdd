"""Networks as a norse user writes them, exported by norse itself, and what norse makes of a sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nir
import norse.torch as norse
import numpy as np
import torch
from norse.torch.utils.export_nir import to_nir
from numpy.typing import NDArray
from torch import nn

from support.writers.drawn import HIDDEN, INPUTS, OUTPUTS, Drawn

PINS = ("norse==1.1.0", "nir==1.0.8", "nirtorch==2.6", "torch==2.13.0")
OPTIONS = ("from=norse",)


def export(network: nn.Module, shape: tuple[int, ...], path: Path) -> None:
    """Write it by norse's own exporter, which loses a Flatten and whose convolutions nir cannot write."""
    nir.write(path, to_nir(network, torch.zeros(1, *shape)))


@torch.no_grad()
def run(network: nn.Module, sample: NDArray[Any]) -> NDArray[Any]:
    """The output in each time step, (steps, outputs)."""
    state, rows = None, []
    for row in torch.as_tensor(sample, dtype=torch.float32):
        out, state = network(row[None], state)
        rows.append(out[0].numpy())
    return np.array(rows)


def _box(size: int) -> Any:
    one = torch.ones(size)
    return norse.LIFBoxCell(norse.LIFBoxParameters(tau_mem_inv=100 * one, v_leak=0 * one, v_th=0.15 * one))


def _with_current(size: int) -> Any:
    zero, one = torch.zeros(size), torch.ones(size)
    parameters = norse.LIFParameters(
        tau_mem_inv=100 * one, tau_syn_inv=200 * one, v_th=0.3 * one, v_leak=zero, v_reset=zero
    )
    return norse.LIFCell(parameters)


def _integrator(size: int) -> Any:
    return norse.IAFCell(norse.IAFParameters(v_th=torch.full((size,), 2.0)))


def _readout(size: int) -> Any:
    rates = torch.full((size,), 100.0)
    return norse.LIBoxCell(norse.LIBoxParameters(tau_mem_inv=rates, v_leak=torch.zeros(size)))


def _two_layers(hidden: Any, output: Any) -> Any:
    def make() -> Any:
        layers = (nn.Linear(INPUTS, HIDDEN), hidden(HIDDEN), nn.Linear(HIDDEN, OUTPUTS), output(OUTPUTS))
        return _larger(norse.SequentialState(*layers))

    return make


def _larger(network: nn.Module) -> nn.Module:
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear):
                module.weight *= 5
    return network


NETWORKS = {
    "box": Drawn(_two_layers(_box, _box), OPTIONS),
    "current": Drawn(_two_layers(_with_current, _with_current), OPTIONS),
    "integrator": Drawn(_two_layers(_integrator, _integrator), OPTIONS),
    "mixed": Drawn(_two_layers(_box, _with_current), OPTIONS),
    "readout": Drawn(_two_layers(_box, _readout), OPTIONS),
}
