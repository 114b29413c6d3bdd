"""The program file, ``*.dsf.h5``: HDF5 with the header, the arrays, and a hash over all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_common.files import require_readable
from dsf_common.hdf5 import atomic_hdf5
from dsf_common.hdf5_links import reading_hdf5
from neuro_runtime.program.program import Program, SpikingProgram
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.validate import validate
from neuro_runtime.program.wire import Arrays, program_to_wire, spiking_program_from_wire

FORMAT = "decision-spikeformer-program"


def save_program(program: SpikingProgram, path: str | Path) -> None:
    """Write a valid program to ``path``, atomically.

    Raises
    ------
    UserError
        The program breaks a rule; see `neuro_runtime.program.validate`.
    """
    validate(program)
    header, arrays = program_to_wire(program)
    with atomic_hdf5(path) as file:
        file.attrs["format"] = FORMAT
        # As a dataset, since a long provenance outgrows an attribute.
        file["header"] = np.frombuffer(header.encode(), dtype=np.uint8)
        file.attrs["sha256"] = content_hash(header, arrays)
        for name, array in arrays.items():
            file.create_dataset(f"arrays/{name}", data=_narrow(array), compression="gzip" if array.size > 64 else None)


def load_program(path: str | Path) -> Program:
    """Read and validate a policy's program.

    Raises
    ------
    UserError
        As for :func:`load_spiking_program`, or the file holds a network that is given samples and no policy.
    """
    program = load_spiking_program(path)
    if not isinstance(program, Program):
        raise UserError(
            f"{path} is the program of a network that is given samples, no policy: run it with "
            f"`dsf-run policy={path} input=FILE.npz`"
        )
    return program


def load_policy_or_network(path: str | Path) -> Program | SampleProgram:
    """Read and validate a program of either kind.

    Raises
    ------
    UserError
        As for :func:`load_spiking_program`.
    """
    program = load_spiking_program(path)
    assert isinstance(program, Program | SampleProgram)
    return program


def load_spiking_program(path: str | Path) -> SpikingProgram:
    """Read and validate a program file, of a policy or of a network that is given samples.

    Raises
    ------
    UserError
        The file is missing, not a program, damaged (its content hash differs), of another version, or breaks a rule.
    """
    path = Path(path)
    require_readable(path, f"there is no program {path}; make one with `dsf-export model.pt --target lava`")
    header, arrays, stored_hash = _read(path)
    if content_hash(header, arrays) != stored_hash:
        raise UserError(f"{path} is damaged: its content does not match its hash; export it again")
    try:
        program = spiking_program_from_wire(header, arrays)
        validate(program)
    except UserError as problem:
        raise UserError(f"{path}: {problem}") from problem
    return program


def content_hash(header: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over the header and every array's name, shape, kind of number and values."""
    digest = hashlib.sha256(header.encode())
    for name in sorted(arrays):
        array = arrays[name]
        values = np.ascontiguousarray(array, dtype=np.float64 if array.dtype.kind == "f" else np.int64)
        digest.update(f"{name}{values.shape}{values.dtype}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def program_hash(program: SpikingProgram) -> str:
    """The hash that names ``program``'s content."""
    return content_hash(*program_to_wire(program))


def _read(path: Path) -> tuple[str, Arrays, str]:
    try:
        with reading_hdf5(path) as file:
            if file.attrs.get("format") != FORMAT:
                raise UserError(f"{path} is an HDF5 file but no program; pass a .dsf.h5 that dsf-export wrote")
            header = file["header"][()].tobytes().decode()
            arrays: Arrays = {}
            file["arrays"].visititems(
                lambda name, item: arrays.update({str(name): item[()]}) if isinstance(item, h5py.Dataset) else None
            )
            return header, arrays, str(file.attrs["sha256"])
    except (OSError, KeyError, RuntimeError, ValueError, AttributeError) as problem:
        raise UserError(f"{path} is not a readable program file (damaged or cut short); export it again") from problem


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    """Integers in the fewest bytes that hold them."""
    if array.dtype.kind != "i" or not array.size:
        return array
    return array.astype(np.promote_types(np.min_scalar_type(array.min()), np.min_scalar_type(-abs(array.max()) - 1)))
