"""HDF5 files that are written whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from dsf_common.files import atomic_write


@contextmanager
def atomic_hdf5(path: str | Path, **options: Any) -> Iterator[h5py.File]:
    """Yield an HDF5 file to fill, which becomes ``path`` at the end; nothing does if the block raises.

    It is filled in memory. HDF5 itself, where it meets a full disk, goes on until it ends the process.

    Parameters
    ----------
    options
        See `h5py.File`.
    """
    with atomic_image(path) as image, h5py.File(image, "w", **options) as file:
        yield file


@contextmanager
def atomic_image(path: str | Path) -> Iterator[io.BytesIO]:
    """Yield memory for a library to write an HDF5 file into, which becomes ``path`` at the end, as above."""
    with atomic_write(path) as temporary:
        image = io.BytesIO()
        yield image
        temporary.write_bytes(image.getbuffer())
