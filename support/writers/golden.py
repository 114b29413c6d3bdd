"""A network that another framework wrote, kept with the spikes it gave there: one file each, a few kB."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.files import atomic_write

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "dsf_export" / "sources" / "written"


@dataclass(frozen=True, eq=False)
class Golden:
    """A framework's file beside its answers.

    Attributes
    ----------
    name
        ``FRAMEWORK-NETWORK``.
    file
        The bytes of the framework's own NIR file.
    options
        What ``dsf-export`` must be told, ``key=value``.
    inputs, outputs
        Samples (samples, steps, *shape), and what the framework gave for each.
    made_with
        The framework and the versions that matter.
    """

    name: str
    file: bytes
    options: tuple[str, ...]
    inputs: NDArray[Any]
    outputs: NDArray[Any]
    made_with: tuple[str, ...]

    def write(self, folder: Path) -> Path:
        """Unpack the framework's file, and beside it the samples as a calibration; where the network lies."""
        network = folder / f"{self.name}.nir"
        network.write_bytes(self.file)
        np.savez(folder / f"{self.name}.npz", input=self.inputs)
        return network

    def save(self) -> None:
        """Keep it in the tests' folder, atomically."""
        with atomic_write(FOLDER / f"{self.name}.npz") as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                network=np.frombuffer(self.file, dtype=np.uint8),
                options=np.array(self.options),
                inputs=self.inputs,
                outputs=self.outputs,
                made_with=np.array(self.made_with),
            )


def goldens() -> list[str]:
    """The names of all that are kept."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def load(name: str) -> Golden:
    """One that is kept."""
    with np.load(FOLDER / f"{name}.npz") as kept:
        return Golden(
            name,
            kept["network"].tobytes(),
            tuple(map(str, kept["options"])),
            kept["inputs"],
            kept["outputs"],
            tuple(map(str, kept["made_with"])),
        )
