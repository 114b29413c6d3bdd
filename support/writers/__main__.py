"""Write the networks of frameworks and their spikes into the tests' folder, in an environment that has them.

    python -m venv .venv-writers && .venv-writers/bin/pip install snntorch==1.0.0 … (PINS of support/writers/by_*.py)
    PYTHONPATH=.:common .venv-writers/bin/python -m support.writers snntorch norse spikingjelly
    PYTHONPATH=.:common .venv-nir104/bin/python -m support.writers sinabs rockpool

Two environments, since sinabs and Rockpool allow nir up to 1.0.4, and the others need a later one.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from support.writers.drawn import Drawn, Writer
from support.writers.golden import Golden

SEED, SAMPLES, STEPS, RATE = 3, 2, 60, 0.3


def main(argv: list[str]) -> int:
    """Write those of each framework named."""
    for framework in argv:
        writer = cast(Writer, import_module(f"support.writers.by_{framework}"))
        _check(writer.PINS)
        for name, drawn in writer.NETWORKS.items():
            golden = _golden(f"{framework}-{name}", drawn, writer)
            golden.save()
            print(f"{golden.name}: {len(golden.file)} bytes, {np.count_nonzero(golden.outputs)} numbers that are not 0")
    return 0


def _check(pins: tuple[str, ...]) -> None:
    for pin in pins:
        name, _, wanted = pin.partition("==")
        if (found := version(name).partition("+")[0]) != wanted:
            raise UserError(f"{pin} is pinned and this environment has {found}")


def _golden(name: str, drawn: Drawn, writer: Writer) -> Golden:
    torch.manual_seed(SEED)
    network = drawn.make()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.nir"
        writer.export(network, drawn.shape, path)
        written = path.read_bytes()
    samples = np.array([_sample(drawn.shape, seed) for seed in range(SAMPLES)])
    outputs = np.array([writer.run(network, sample) for sample in samples])
    whole = outputs.astype(np.uint8)
    return Golden(name, written, drawn.options, samples, whole if (whole == outputs).all() else outputs, writer.PINS)


def _sample(shape: tuple[int, ...], seed: int) -> NDArray[np.bool_]:
    spikes: NDArray[np.bool_] = np.random.default_rng(seed).random((STEPS, *shape)) < RATE
    return spikes


if __name__ == "__main__":
    sys.exit(run_command(main, "support.writers", sys.argv[1:]))
