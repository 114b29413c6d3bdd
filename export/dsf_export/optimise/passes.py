"""Which passes there are, and their application until none finds anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from dsf_common.suggestions import member
from dsf_export.optimise.constants import ConstantNeurons
from dsf_export.optimise.equal import EqualNeurons
from dsf_export.optimise.gates import MergedGates
from dsf_export.optimise.one_step import OneStepDecay
from dsf_export.optimise.period import ShortestPeriod
from dsf_export.optimise.program_pass import ProgramPass, Subject
from dsf_export.optimise.reset import ResetAtBegin
from dsf_export.optimise.silent import SilentNeurons
from dsf_export.optimise.unread import UnreadNeurons
from dsf_export.optimise.zero_synapses import ZeroSynapses
from neuro_runtime.program.program import Program
from neuro_runtime.program.validate import validate

PASSES = "passes"  # key of the provenance


class PassChoice(StrEnum):
    """Which passes an export makes: none, those that are exact, or also those that a record justifies."""

    none = "none"
    safe = "safe"
    all = "all"


SAFE: tuple[ProgramPass[Any], ...] = (
    SilentNeurons(),
    ConstantNeurons(),
    EqualNeurons(),
    ZeroSynapses(),
    UnreadNeurons(),
    OneStepDecay(),
    MergedGates(),
    ShortestPeriod(),
)
SAFE_WITH_RESETS: tuple[ProgramPass[Any], ...] = (*SAFE, ResetAtBegin())  # of a chip that has them


@dataclass(frozen=True, eq=False)
class Applied:
    """A pass that found something, and the program after it."""

    name: str
    program: Program


def optimise(
    program: Program, passes: Sequence[ProgramPass[Any]] = SAFE, token: float | None = None
) -> tuple[Applied, ...]:
    """Apply passes to a loihi program, in their order, again and again until none finds anything.

    Parameters
    ----------
    passes
        Those of `SAFE_WITH_RESETS` make a program that its chip must be able to reset.
    token
        The largest magnitude of the token's integer current; by default what the encoder can give.

    Returns
    -------
    tuple[Applied, ...]
        Each application, the last one with the lean program; its provenance names them all.
    """
    applied: list[Applied] = []
    earlier = program.provenance[PASSES].split(", ") if PASSES in program.provenance else []
    subject = Subject(program, token, may_reset=any(isinstance(each, ResetAtBegin) for each in passes))
    while True:
        before = len(applied)
        for each in passes:
            if (changed := each.apply(subject)) is not None:
                names = [*earlier, *(item.name for item in applied), each.name]
                changed = replace(changed, provenance={**program.provenance, PASSES: ", ".join(dict.fromkeys(names))})
                validate(changed)
                applied.append(Applied(each.name, changed))
                subject = replace(subject, program=changed)
        if len(applied) == before:
            return tuple(applied)


def lean(program: Program, passes: Sequence[ProgramPass[Any]] = SAFE) -> Program:
    """The program after all passes; itself where none finds anything."""
    applied = optimise(program, passes)
    return applied[-1].program if applied else program


def find_choice(name: str) -> PassChoice:
    """The choice called ``name``.

    Raises
    ------
    UserError
        There is none; the message lists those there are.
    """
    return member(PassChoice, "passes", name)
