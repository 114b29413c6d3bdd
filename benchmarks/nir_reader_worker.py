"""NIR files in the framework that they were written for, run by the Python of its environment, without this package.

    python nir_reader_worker.py READER FOLDER

FOLDER has for each network ``NAME.nir`` and ``NAME.npz`` with ``input`` (samples, time steps, …). ``NAME.out.npy``
becomes what the framework gives, (samples, time steps, outputs). A file that it does not take is a line on stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch

Run = Callable[[Path, Any], Any]


def in_steps(read: Callable[[nir.NIRGraph], Any], batch: tuple[int, ...] = ()) -> Run:
    """A network that takes a time step and its state at a time, in a ``batch`` where a Flatten leaves that alone."""

    def run(path: Path, sample: Any) -> Any:
        network, state, outputs = read(nir.read(path)), None, []
        for row in torch.as_tensor(sample, dtype=torch.float32):
            answer, state = network(row.reshape(*batch, *row.shape), state)
            outputs.append(answer.detach().numpy().reshape(-1))
        return np.array(outputs)

    return run


def by_snntorch() -> Run:
    from snntorch.import_nir import import_from_nir

    return in_steps(import_from_nir)


def by_norse() -> Run:
    from norse.torch import from_nir

    return in_steps(from_nir)


def by_spikingjelly() -> Run:
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    return in_steps(import_from_nir, batch=(1,))


def by_sinabs() -> Run:
    from sinabs.nir import from_nir

    def run(path: Path, sample: Any) -> Any:  # its layers take the time steps of one sample as a batch
        network = from_nir(nir.read(path), batch_size=1)
        answer = network(torch.as_tensor(sample, dtype=torch.float32))
        return (answer[0] if isinstance(answer, tuple) else answer).detach().numpy()

    return run


READERS = {"snntorch": by_snntorch, "norse": by_norse, "spikingjelly": by_spikingjelly, "sinabs": by_sinabs}


def main(reader: str, folder: Path) -> None:
    """Run every file of ``folder``."""
    run = READERS[reader]()
    for path in sorted(folder.glob("*.nir")):
        samples = np.load(path.with_suffix(".npz"))["input"]
        try:
            outputs = np.array([run(path, sample) for sample in samples])
        except Exception as problem:  # of any of four frameworks
            print(f"{path.stem}: {type(problem).__name__}: {problem}", file=sys.stderr)
            continue
        np.save(path.with_suffix(".out.npy"), outputs)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
