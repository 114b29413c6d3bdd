"""HDF5 of unknown origin, read without trust: nothing is larger in memory than the file can hold."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError

# HDF5 stores a constant or compressed array in few bytes; nobody's weights are compressed by more.
LARGEST_EXPANSION = 64
ALWAYS_ALLOWED = 1 << 20  # bytes


class LimitedReader:
    """Reads arrays of one file as long as all of them together stay in proportion to its size."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left = max(LARGEST_EXPANSION * path.stat().st_size, ALWAYS_ALLOWED)

    def array(self, item: Any, what: str) -> NDArray[Any]:
        """The numbers of a dataset.

        Raises
        ------
        UserError
            It is no dataset of numbers, links out of the file, or claims more than the file holds.
        """
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiub" or item.is_virtual or item.external:
            raise UserError(f"{self._path}: {what} is no array of numbers")
        size = math.prod(item.shape) * item.dtype.itemsize
        if size > self._left:
            raise UserError(
                f"{self._path}: {what} claims the shape {item.shape}, more than a file of "
                f"{self._path.stat().st_size:,} bytes holds; it is damaged"
            )
        self._left -= size
        array: NDArray[Any] = np.asarray(item[()])
        if (
            array.dtype.kind == "f"
            and not np.isfinite(array).all()
            and not what.endswith(("tau", "tau_mem", "tau_syn"))
        ):
            raise UserError(f"{self._path}: {what} holds a number that is not finite")
        return array

    def text(self, item: Any, what: str) -> str:
        """The text of a dataset of one short string.

        Raises
        ------
        UserError
            It is none.
        """
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "OSU" or math.prod(item.shape) != 1:
            raise UserError(f"{self._path}: {what} is no text")
        value = np.asarray(item[()]).reshape(-1)[0]
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def texts(self, item: Any, what: str) -> NDArray[Any]:
        """A dataset of strings, as text.

        Raises
        ------
        UserError
            It is none, or has more than a million.
        """
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "OSU" or math.prod(item.shape) > 10**6:
            raise UserError(f"{self._path}: {what} is no table of names")
        values = np.asarray(item[()])
        plain = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values.flat]
        return np.array(plain, dtype=object).reshape(values.shape)
