"""The words in which a rule of a program says what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dsf_common.errors import UserError
from neuro_runtime.program.nodes import Connection, Convolution
from neuro_runtime.program.program import SpikingProgram

Rule = Callable[[SpikingProgram], None]


def require(holds: bool, sentence: str) -> None:
    """Do nothing if a rule holds.

    Raises
    ------
    UserError
        With the ``sentence``, where it does not.
    """
    if not holds:
        raise UserError(sentence)


def require_integer(value: float, title: str, low: int, high: int) -> None:
    """Do nothing if a value is a whole number from ``low`` to ``high``.

    Raises
    ------
    UserError
        It is not: its ``title``, the value and the limits.
    """
    require(float(value).is_integer(), f"{title} is {value}, not an integer")
    require(low <= value <= high, f"{title} is {int(value)}, outside {low} … {high}")


def title_of(connection: Connection | Convolution) -> str:
    """A connection's kind and ends."""
    return f"{type(connection).__name__} {connection.source} -> {connection.target}"


def within(values: Any, low: int, high: int) -> bool:
    """Whether all of an array's values are from ``low`` to ``high``."""
    return bool(((values >= low) & (values <= high)).all())
