"""Networks of other frameworks, for whoever runs programs: the package that reads them registers itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from dsf_common.errors import UserError
from dsf_common.extras import missing_library
from neuro_runtime.policy_files import PROGRAM_SUFFIX, shipped_policies
from neuro_runtime.program import SampleProgram, load_spiking_program

GROUP = "decision_spikeformer.sources"
# Options that say how a file of another framework is read; see `dsf-export --help`.
OPTIONS = (
    "from",
    "dt",
    "reset",
    "compare",
    "multispike",
    "tau_unit",
    "norm_input",
    "terms",
    "groups",
    "calibration",
)


@dataclass(frozen=True, eq=False)
class OpenedNetwork:
    """A network that is given samples, ready to run.

    Attributes
    ----------
    conversion
        Lines on how another framework's file became the program: conventions, calibration, warnings; empty
        for a program.
    """

    program: SampleProgram
    conversion: tuple[str, ...] = ()


def open_network(path: Path, options: Sequence[str]) -> OpenedNetwork:
    """The program of a network that is given samples: from its own file, or made of a file of another framework.

    Raises
    ------
    UserError
        The file is missing, is a policy's, or cannot be read, or an option is for a file of another kind.
    """
    if str(path) in shipped_policies():
        raise UserError(f"{path} is a policy, which is given no samples: run it with policy={path}")
    if path.is_dir():
        raise UserError(f"{path} is a folder: name the network's file in it")
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    if path.name.endswith(PROGRAM_SUFFIX):
        if options:
            raise UserError(f"{options[0]} is for a file of another framework, and {path} is a program")
        program = load_spiking_program(path)
        if not isinstance(program, SampleProgram):
            raise UserError(f"{path} is a policy, which is given no samples: run it with env=NAME")
        return OpenedNetwork(program)
    return _source()(path, options)


def _source() -> Callable[[Path, Sequence[str]], OpenedNetwork]:
    found = next(iter(entry_points(group=GROUP)), None)
    if found is None:
        raise UserError(
            "nothing that is installed reads networks of other frameworks: make a program of it with "
            "`dsf-export FILE --target lava` first"
        )
    try:
        return cast(Callable[[Path, Sequence[str]], OpenedNetwork], found.load())
    except ModuleNotFoundError as error:
        raise missing_library("a network of another framework", error) from error
