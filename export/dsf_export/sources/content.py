"""The kind of a file, by its content: its name says nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import h5py

from dsf_common.errors import UserError
from dsf_common.hdf5_links import reading_hdf5
from dsf_export.namespace import NAMESPACE
from neuro_runtime.program.storage import FORMAT

Content = Literal["program", "our nir", "nir", "netx", "model"]
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def content_of(path: Path) -> Content:
    """The kind of a file: one of our programs, NIR (ours, with a program in it, or somebody else's), netx, or a model.

    Raises
    ------
    UserError
        It cannot be read, or is an HDF5 file of another kind.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(HDF5_MAGIC)) != HDF5_MAGIC:
                return "model"
        with reading_hdf5(path) as file:
            if file.attrs.get("format") == FORMAT:
                return "program"
            if isinstance(file.get("node"), h5py.Group):
                return "our nir" if _holds_program(file["node"]) else "nir"
            if isinstance(file.get("layer"), h5py.Group):
                return "netx"
    except (OSError, KeyError, RuntimeError, ValueError) as problem:
        raise UserError(f"{path} is not a readable file: it is damaged or cut short") from problem
    raise UserError(f"{path} is an HDF5 file, but neither a program, a NIR graph nor a netx network")


def _holds_program(node: h5py.Group) -> bool:
    """Whether our own writer put a whole program into the graph's metadata."""
    metadata = node.get("metadata")
    return isinstance(metadata, h5py.Group) and NAMESPACE in metadata
