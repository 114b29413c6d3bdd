"""Options that take several values, with commas between."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from dsf_common.errors import UserError
from dsf_common.whole_numbers import beyond_64_bits

Number = TypeVar("Number", int, float)


def names_of(option: str, text: str) -> tuple[str, ...]:
    """The names in ``option=text``.

    Raises
    ------
    UserError
        One is missing beside a comma, or stands twice.
    """
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise UserError(f"{option}={text} lacks a name beside a comma")
    require_distinct(option, text, names)
    return names


def whole_numbers_of(option: str, text: str, example: str) -> tuple[int, ...]:
    """The whole numbers in ``option=text``, such as ``example``.

    Raises
    ------
    UserError
        One is no whole number, is beyond 64 bits, or stands twice.
    """
    numbers = _converted(option, text, int, f"no whole numbers with commas between, such as {example}")
    for number in numbers:
        if too_large := beyond_64_bits(number):
            raise UserError(f"{option}={text}: {too_large}")
    return numbers


def numbers_of(option: str, text: str, example: str) -> tuple[float, ...]:
    """The numbers in ``option=text``, likewise."""
    return _converted(option, text, float, f"no numbers with commas between, such as {example}")


def _converted(option: str, text: str, kind: Callable[[str], Number], wrong: str) -> tuple[Number, ...]:
    try:
        values = tuple(map(kind, text.split(",")))
    except ValueError as problem:
        raise UserError(f"{option}={text} are {wrong}") from problem
    require_distinct(option, text, values)
    return values


def require_distinct(option: str, text: str, values: Sequence[Hashable]) -> None:
    """Refuse a value that stands twice: it would be done twice, or be counted as a second sample.

    Raises
    ------
    UserError
        There is one.
    """
    for value in values:
        if values.count(value) > 1:
            raise UserError(f"{option}={text} has {value} twice, and what is repeated says nothing new: leave one out")
