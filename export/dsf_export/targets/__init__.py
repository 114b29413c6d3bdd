"""Formats a program can be written in, and read back from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dsf_common.errors import UserError
from dsf_common.suggestions import suggestion
from dsf_export.targets import lava, nir
from neuro_runtime.program import Program


@dataclass(frozen=True)
class Target:
    """A file format.

    Attributes
    ----------
    suffix
        How its files' names end.
    write, read
        To a path (atomically) and back; what is read back is the program that was written.
    """

    name: str
    suffix: str
    write: Callable[[Program, Path], None]
    read: Callable[[Path], Program]


TARGETS = {
    target.name: target
    for target in (Target("lava", ".dsf.h5", lava.write, lava.read), Target("nir", ".nir", nir.write, nir.read))
}


def find_target(name: str) -> Target:
    """The target called ``name``.

    Raises
    ------
    UserError
        There is none; the valid ones are named.
    """
    if name not in TARGETS:
        raise UserError(f"unknown target {name!r}: {suggestion(name, TARGETS)}")
    return TARGETS[name]
