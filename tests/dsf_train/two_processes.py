"""The script of each of two processes: a training step's loss and gradient on its half of a batch, for the test.

torchrun --nproc-per-node 2 -m tests.dsf_train.two_processes FOLDER
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dsf_export.program_events import program_events
from dsf_models import PolicyNetwork, distributed, make_model
from dsf_models.configuration import ModelConfig, ModelKind, Norm
from dsf_models.normalisation import set_blend
from dsf_train.datasets.columns import open_columns
from dsf_train.sampling import Batch, TokenWindows, normalisation_of
from dsf_train.spike_cost import SpikeCost
from dsf_train.trainer import update
from hw_profiles.spike_energy import SpikeEnergy

WINDOWS = 7  # three and four: neither windows nor their tokens divide evenly


@dataclass(frozen=True)
class Case:
    """A model, PTBN's λ, and the number format."""

    config: ModelConfig
    blend: float = 0.0
    price: float = 0.0
    dtype: torch.dtype = torch.float64


def _config(**changes: object) -> ModelConfig:
    small = {"embedding_size": 16, "blocks": 2, "context": 5, "window": 3, "time_steps": 3, "dropout": 0.0}
    return ModelConfig(**{**small, **changes})  # type: ignore[arg-type]


CASES = {
    "pssa": Case(_config()),
    "pssa, float32": Case(_config(), dtype=torch.float32),
    "pssa, both branches": Case(_config(), blend=0.4),
    "pssa, paying for synops and energy": Case(_config(), price=1e3),
    "delay, repbn": Case(_config(mixing="delay", norm=Norm.repbn), blend=0.4),
    "tssa, tdbn": Case(_config(mixing="tssa", norm=Norm.tdbn, streaming=False)),
    "spiking mlp": Case(_config(kind=ModelKind.spiking_mlp)),
    "decision transformer": Case(_config(kind=ModelKind.decision_transformer)),
}


def step(case: Case, folder: Path) -> dict[str, Tensor]:
    """Loss, gradient and running statistics of the whole batch, from this process's part of it."""
    model, batch = _model(case), _batch(case, folder)
    distributed.start_alike(model)
    spikes: dict[str, Tensor] = {}
    optimiser = torch.optim.SGD(model.parameters(), lr=0.0)
    cost = SpikeCost(program_events(model), case.price, case.price, SpikeEnergy(20.0, 70.0))
    loss, _ = update(model, optimiser, batch, math.inf, spikes, cost)
    outcome = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
    outcome |= {name: buffer for name, buffer in model.named_buffers() if "running" in name}
    means = distributed.mean_over_tokens({"loss": loss.item()}, distributed.own_share(batch.mask))
    return {**outcome, "loss": torch.tensor(means["loss"], dtype=torch.float64)}


def _model(case: Case) -> PolicyNetwork:
    torch.manual_seed(5 + distributed.rank())  # of no effect: all take the first one's weights
    model = make_model(case.config, 11, 3).to(case.dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(20)  # so that all layers fire
    set_blend(model, case.blend)
    return model


def _batch(case: Case, folder: Path) -> Batch:
    dataset = open_columns(folder / "data")
    windows = TokenWindows(dataset, normalisation_of(dataset, 1.0), case.config.context)
    last = np.array([1, 0, 30, 12, 33, 8, 22])[distributed.own_part(WINDOWS)]
    tensors = vars(windows.windows(last)).items()
    return Batch(**{name: value.to(case.dtype) if value.is_floating_point() else value for name, value in tensors})


if __name__ == "__main__":
    with distributed.joined("cpu"):
        outcomes = {name: step(case, Path(sys.argv[1])) for name, case in CASES.items()}
        torch.save(outcomes, Path(sys.argv[1]) / f"process-{distributed.rank()}.pt")
