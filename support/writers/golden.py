"""A network that another framework wrote, kept with the spikes it gave there: one file each, a few kB."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_common.files import atomic_write, require_readable

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


def of_folder(folder: Path, options: tuple[str, ...]) -> list[Golden]:
    """Networks of a user's own: each ``NAME.nir`` or ``NAME.net`` with ``NAME.npz`` beside it.

    The ``.npz`` holds ``input`` and ``output``, samples (samples, steps, *shape) and what the framework gave for each.

    Raises
    ------
    UserError
        The folder holds no network, or the arrays of one are missing or unlike in samples and steps.
    """
    files = sorted(file for suffix in ("nir", "net") for file in folder.glob(f"*.{suffix}"))
    if not files:
        raise UserError(f"there is no .nir or .net file in {folder}")
    return [Golden(file.stem, file.read_bytes(), options, *_answers(file.with_suffix(".npz")), ()) for file in files]


def _answers(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    require_readable(path, f"there is no {path}: save it by numpy.savez({path.name!r}, input=samples, output=answers)")
    try:
        with np.load(path) as arrays:
            inputs, outputs = arrays["input"], arrays["output"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as problem:
        raise UserError(f"{path} is no .npz file with the arrays input and output") from problem
    if inputs.ndim < 2 or inputs.shape[:2] != outputs.shape[:2]:
        raise UserError(f"{path}: input {inputs.shape} and output {outputs.shape} differ in samples or time steps")
    return inputs, outputs


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
