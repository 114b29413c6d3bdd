"""Formats a program can be written in, and read back from."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from dsf_common.errors import UserError
from dsf_common.suggestions import suggestion
from neuro_runtime.program import Program


class Format(Protocol):
    """The two functions of a target's module; what is read back is the program that was written, atomically."""

    def write(self, program: Program, path: Path) -> None: ...

    def read(self, path: Path) -> Program: ...


@dataclass(frozen=True)
class Target:
    """A file format.

    Attributes
    ----------
    suffix
        How its files' names end.
    module
        The `Format`, imported when it is used, since it may need a library of an extra.
    """

    name: str
    suffix: str
    module: str

    def write(self, program: Program, path: Path) -> None:
        """Write a program, atomically."""
        self._format.write(program, path)

    def read(self, path: Path) -> Program:
        """The program in a file that :meth:`write` made."""
        return self._format.read(path)

    def beside(self, output: Path, form: str) -> Path:
        """The file of another form of the policy whose program goes to ``output``."""
        return output.with_name(f"{output.name.removesuffix(self.suffix)}-{form}{self.suffix}")

    @property
    def _format(self) -> Format:
        return cast(Format, import_module(self.module))


NIR, ONNX, NETX = "nir", "onnx", "netx"

TARGETS = {
    target.name: target
    for target in (
        Target("lava", ".dsf.h5", "dsf_export.targets.lava"),
        Target(NIR, ".nir", "dsf_export.targets.nir"),
        Target(ONNX, ".onnx", "dsf_export.targets.onnx.program_file"),
        Target(NETX, ".net", "dsf_export.targets.netx"),
    )
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
