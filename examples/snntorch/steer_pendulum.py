"""A policy in snnTorch for the pendulum, as an snnTorch user writes it: cloned from data, exported, steered with.

    python examples/snntorch/steer_pendulum.py FOLDER [zero|subtract]

writes FOLDER/pendulum.nir by snnTorch's own export_to_nir, FOLDER/samples.npz for calibration, and
FOLDER/pendulum.loop.yaml, which says how an observation becomes input and an output an action. Then

    dsf-export FOLDER/pendulum.nir --target lava --output FOLDER/pendulum.dsf.h5 \
        from=snntorch reset=zero input=values calibration=FOLDER/samples.npz
    dsf-run --backend loihi-sim policy=FOLDER/pendulum.dsf.h5 episodes=20

snnTorch's default is a reset by subtraction, and the file does not say which it was: with reset=subtract for a network
that was trained so, the export is as exact. With the wrong one it is another network, and no tool can tell.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nir
import numpy as np
import snntorch as snn
import torch
from snntorch.export_nir import export_to_nir
from torch import nn

from dsf_train.datasets import open_dataset
from neuro_runtime.environments import load_environment_spec

STEPS, HIDDEN, BATCH, UPDATES = 8, 64, 256, 1500
MEAN, STD = np.zeros(3), np.array([1.0, 1.0, 4.0])


def layer(size: int, reset: str) -> Any:
    """Neurons with vectors of parameters: snnTorch's exporter and NIR's writer want them in full."""
    return snn.Leaky(
        torch.full((size,), 0.8),
        threshold=torch.ones(size),
        init_hidden=True,
        reset_mechanism=reset,
        spike_grad=snn.surrogate.fast_sigmoid(slope=10),
    )


def policy(reset: str) -> nn.Sequential:
    """Two layers of neurons; the action is the mean over time of what a matrix makes of the last one's spikes."""
    return nn.Sequential(
        nn.Linear(3, HIDDEN),
        layer(HIDDEN, reset),
        nn.Linear(HIDDEN, HIDDEN),
        layer(HIDDEN, reset),
        nn.Linear(HIDDEN, 1),
    )


def act(network: nn.Sequential, observation: torch.Tensor) -> torch.Tensor:
    """The mean output over time, an action in −1 … 1."""
    for module in network:
        if isinstance(module, snn.Leaky):
            module.reset_mem()
    outputs = [network(observation) for _ in range(STEPS)]
    return torch.stack(outputs).mean(0).clamp(-1.2, 1.2)


def main(folder: Path, reset: str) -> None:
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    columns = open_dataset(load_environment_spec("pendulum"))
    observations = torch.as_tensor((np.asarray(columns.observations) - MEAN) / STD, dtype=torch.float32)
    actions = torch.as_tensor(np.array(columns.actions), dtype=torch.float32)
    network = policy(reset)
    optimiser = torch.optim.Adam(network.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, UPDATES)
    for update in range(UPDATES):
        chosen = torch.randint(len(observations), (BATCH,))
        loss = nn.functional.mse_loss(act(network, observations[chosen]), actions[chosen])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if update % 500 == 0:
            print(f"update {update}: loss {loss.item():.4f}", flush=True)
    for module in network:
        if isinstance(module, snn.Leaky):
            module.reset_mem()
    nir.write(folder / "pendulum.nir", export_to_nir(network, torch.zeros(1, 3), ignore_dims=[0]))
    some = observations[:: len(observations) // 32][:32].numpy()
    np.savez(folder / "samples.npz", input=np.repeat(some[:, None], STEPS, axis=1))
    (folder / "pendulum.loop.yaml").write_text(
        "environment: pendulum\n"
        f"encoder: {{code: value, steps: {STEPS}, mean: [0, 0, 0], std: [1, 1, 4], clip: 3}}\n"
        "readout: {from: mean, scale: 1}\n",
        encoding="utf-8",
    )
    print(f"wrote {folder / 'pendulum.nir'}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "subtract")
