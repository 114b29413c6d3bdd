"""A classifier in snnTorch for scikit-learn's digits (1,797 images of 8 × 8), exported, and run as integers.

    python examples/snntorch/classify_digits.py FOLDER       # needs scikit-learn

writes FOLDER/digits.nir, FOLDER/calibration.npz from the training images and FOLDER/test.npz. Then

    dsf-export FOLDER/digits.nir --target lava --output FOLDER/digits.dsf.h5 \
        from=snntorch reset=zero calibration=FOLDER/calibration.npz
    dsf-run --backend loihi-sim policy=FOLDER/digits.dsf.h5 input=FOLDER/test.npz --report
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nir
import numpy as np
import snntorch as snn
import torch
from sklearn.datasets import load_digits
from snntorch.export_nir import export_to_nir
from torch import nn

STEPS, HIDDEN, CLASSES, BATCH, EPOCHS, TRAINING = 16, 96, 10, 64, 20, 1297


def layer(size: int) -> Any:
    return snn.Leaky(
        torch.full((size,), 0.85),
        threshold=torch.ones(size),
        init_hidden=True,
        reset_mechanism="zero",
        spike_grad=snn.surrogate.fast_sigmoid(slope=10),
    )


def counts(network: nn.Sequential, rasters: torch.Tensor) -> torch.Tensor:
    """Spikes of each class, (images, classes), of rasters (images, steps, pixels)."""
    for module in network:
        if isinstance(module, snn.Leaky):
            module.reset_mem()
    return torch.stack([network(rasters[:, step]) for step in range(STEPS)]).sum(0)


def main(folder: Path) -> None:
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = load_digits(return_X_y=True)
    order = random.permutation(len(images))
    images, labels = images[order] / 16, labels[order]
    rasters = (random.random((len(images), STEPS, 64)) < 0.7 * images[:, None]).astype(np.uint8)
    network = nn.Sequential(nn.Linear(64, HIDDEN), layer(HIDDEN), nn.Linear(HIDDEN, CLASSES), layer(CLASSES))
    given, classes = torch.as_tensor(rasters, dtype=torch.float32), torch.as_tensor(labels)
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    for epoch in range(EPOCHS):
        for chosen in torch.split(torch.randperm(TRAINING), BATCH):
            loss = nn.functional.cross_entropy(counts(network, given[chosen]) / 4, classes[chosen])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {loss.item():.4f}", flush=True)
    with torch.no_grad():
        right = (counts(network, given[TRAINING:]).argmax(1) == classes[TRAINING:]).float().mean().item()
    print(f"float accuracy {right:.2%} of {len(images) - TRAINING} test images")
    for module in network:
        if isinstance(module, snn.Leaky):
            module.reset_mem()
    nir.write(folder / "digits.nir", export_to_nir(network, torch.zeros(1, 64), ignore_dims=[0]))
    np.savez_compressed(folder / "calibration.npz", input=rasters[:64])
    np.savez_compressed(folder / "test.npz", input=rasters[TRAINING:], label=labels[TRAINING:])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
