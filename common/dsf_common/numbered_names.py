"""Names with a number in them, all served by one YAML file: ``t-maze-N.yaml`` is for t-maze-10, t-maze-30, …"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any

_NUMBERED = re.compile(r"(?P<family>.+-)(?P<number>[1-9]\d*)")
_VALUE = re.compile(r"(?P<factor>\d*)N(?: \+ (?P<summand>\d+))?")


def is_family(stem: str) -> bool:
    """Whether the file ``stem`` serves every name that has a number in the place of its final N."""
    return stem.endswith("-N")


def member(family: str, number: int) -> str:
    """The name with ``number`` in N's place: ``t-maze-30`` of ``t-maze-N``."""
    return f"{family.removesuffix('N')}{number}"


def serving_file(name: str, stems: Container[str]) -> tuple[str, int | None] | None:
    """The one of the files ``stems`` that serves ``name``, and the number in N's place where it serves a family.

    A file of the very name goes before its family's; None means that there is neither.
    """
    if name in stems and not is_family(name):
        return name, None
    parts = _NUMBERED.fullmatch(name)
    if parts is None or f"{parts['family']}N" not in stems:
        return None
    return f"{parts['family']}N", int(parts["number"])


def with_number(content: Any, number: int) -> Any:
    """A YAML file's ``content`` with each value ``N``, ``2N`` or ``N + 2`` computed for N = ``number``."""
    if isinstance(content, dict):
        return {key: with_number(value, number) for key, value in content.items()}
    if isinstance(content, list):
        return [with_number(value, number) for value in content]
    value = _VALUE.fullmatch(content) if isinstance(content, str) else None
    if value is None:
        return content
    return int(value["factor"] or 1) * number + int(value["summand"] or 0)
