"""Samples in an ``.npz`` file: ``input`` (samples, time steps, *shape), and ``label`` (samples,) of known classes."""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_common.files import require_readable

INPUT, LABEL = "input", "label"
ALWAYS_ALLOWED = 64 << 20  # bytes in memory
LARGEST_EXPANSION = 256  # of the file; rasters of spikes compress well


@dataclass(frozen=True, eq=False)
class SampleFile:
    """Samples and their classes.

    Attributes
    ----------
    samples
        (samples, time steps, *shape).
    labels
        Whole numbers, (samples,); None where the file has none.
    """

    samples: NDArray[Any]
    labels: NDArray[np.int64] | None


def read_samples(path: str | Path, shape: tuple[int, ...]) -> SampleFile:
    """The samples of a file, each time step of ``shape``.

    Raises
    ------
    UserError
        The file is missing, damaged, of another kind, claims more than it can hold, or its arrays do not fit.
    """
    path = Path(path).expanduser()
    require_readable(path, f"there is no file {path}")
    _refuse_single_array(path)
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {
                name: _member(path, archive, name) for name in (INPUT, LABEL) if f"{name}.npy" in archive.namelist()
            }
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, zipfile.error) as problem:
        raise UserError(
            f"{path} is not a readable .npz file: it is damaged, cut short, or holds no plain arrays"
        ) from problem
    if INPUT not in arrays:
        raise UserError(
            f"{path} has no array {INPUT!r}: save it by numpy.savez(FILE, {INPUT}=samples, {LABEL}=classes)"
        )
    samples = arrays[INPUT]
    if samples.dtype.kind not in "fiub" or samples.shape[2:] != shape or samples.ndim < 2 or not samples.size:
        wanted = ", ".join(map(str, ("samples", "time steps", *shape)))
        raise UserError(f"{path}: {INPUT} has the shape {samples.shape} of {samples.dtype}, not numbers of ({wanted})")
    _require_finite(path, samples)
    return SampleFile(samples, _labels(path, arrays.get(LABEL), len(samples)))


def _refuse_single_array(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX:
            raise UserError(f"{path} is a single array (.npy): save it by numpy.savez(FILE, {INPUT}=samples)")


def _require_finite(path: Path, samples: NDArray[Any]) -> None:
    for n, sample in enumerate(samples):
        if not np.isfinite(sample).all():
            raise UserError(f"{path}: sample {n} holds a number that is not finite")


def _labels(path: Path, labels: NDArray[Any] | None, samples: int) -> NDArray[np.int64] | None:
    if labels is None:
        return None
    if labels.shape != (samples,) or labels.dtype.kind not in "iub":
        raise UserError(f"{path}: {LABEL} has the shape {labels.shape} of {labels.dtype}, not {samples} whole numbers")
    return labels.astype(np.int64)


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    info = archive.getinfo(f"{name}.npy")
    allowed = max(LARGEST_EXPANSION * path.stat().st_size, ALWAYS_ALLOWED)
    if info.file_size > allowed:
        raise UserError(f"{path}: {name} unpacks to {info.file_size:,} bytes, more than a file of its size holds")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        if dtype.hasobject:
            raise UserError(f"{path}: {name} holds Python objects, which are not read: make it one array of numbers")
        if math.prod(shape) * dtype.itemsize > info.file_size:
            raise UserError(
                f"{path}: {name} claims the shape {shape} of {dtype}, which its {info.file_size:,} bytes do not hold"
            )
    with archive.open(info) as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        return array
