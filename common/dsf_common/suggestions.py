"""The end of an error about a name: the nearest valid ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from dsf_common.errors import UserError

Choice = TypeVar("Choice", bound=StrEnum)


def suggestion(wrong: str, valid: Iterable[str], prefix: str = "") -> str:
    """ "did you mean a or b?" where something is near, else "choose from …" (or "there is none").

    Every name that it gives begins with ``prefix``, as it is to be typed.
    """
    choices = sorted(valid)
    near = difflib.get_close_matches(wrong, choices, n=3)
    typed = [prefix + name for name in near or choices]
    if near:
        return f"did you mean {' or '.join(typed)}?"
    return f"choose from {', '.join(typed)}" if typed else "there is none"


def member(choices: type[Choice], what: str, name: str) -> Choice:
    """The member of ``choices`` called ``name``.

    Raises
    ------
    UserError
        There is no such ``what``; the message lists those there are.
    """
    if name not in list(choices):
        raise UserError(f"unknown {what} {name!r}: {suggestion(name, list(choices))}")
    return choices(name)
