"""A placed network on SANA-FE: a tool in an environment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_profiles.network import Role
from neuro_runtime.program.limits import DECAY_ONE
from support.placed_network import PlacedNetwork
from support.tool_environment import ROOT, answer_of, tool_python

ENVIRONMENT = ROOT / ".venv-sanafe"
PINNED = ("sanafe==2.2.9", "numpy==1.26.4")
WORKER = ROOT / "benchmarks" / "sanafe_worker.py"


def sanafe_python(folder: Path = ENVIRONMENT) -> Path:
    """The Python of SANA-FE's environment, which is made where it is not there.

    Raises
    ------
    UserError
        It could not be made.
    """
    return tool_python(folder, PINNED)


def run_sanafe(python: Path, placed: PlacedNetwork, injected: NDArray[np.float64], period: int) -> dict[str, Any]:
    """SANA-FE's run of currents (time steps, neurons): `fired`, events, costs, `accumulators`, and its `seconds`.

    Raises
    ------
    UserError
        SANA-FE failed.
    """
    parameters = [population.parameters for population in placed.network.populations for _ in range(population.size)]
    roles = [population.role for population in placed.network.populations for _ in range(population.size)]
    given = {
        "first": np.array(list(placed.first.values())),
        "core": placed.core,
        "tile_x": placed.tile_x,
        "tile_y": placed.tile_y,
        "index_in_tile": placed.index_in_tile,
        "source": placed.source,
        "target": placed.target,
        "delay": placed.delay,
        "weight": placed.weight,
        "threshold": np.array([item.threshold for item in parameters]),
        "keep": np.array([1 - item.voltage_decay / DECAY_ONE for item in parameters]),
        "silent": np.array([role is Role.accumulator for role in roles]),
        "injected": injected,
        "period": np.array(period),
    }
    return answer_of("SANA-FE", python, WORKER, given, stdout=subprocess.DEVNULL)
