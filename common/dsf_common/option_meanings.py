"""The meaning of each option, as the comment beside its default tells it: what a reader sees, ``--help`` says."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import io
import textwrap
import tokenize
from enum import Enum
from typing import TYPE_CHECKING, Any

from dsf_common.renamed_options import nested

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclasses.dataclass(frozen=True)
class Option:
    """An option as ``--help`` lists it.

    Attributes
    ----------
    key
        Its name, dotted where it lies in a dataclass of its own.
    default
        As one would write it; empty where there is none.
    values
        All that it takes, where they are enumerated.
    meaning
        In words.
    """

    key: str
    default: str
    values: tuple[str, ...]
    meaning: str


def options_of(configuration: type[DataclassInstance]) -> list[Option]:
    """Every option of a configuration, in order; those of a dataclass within it follow the others."""
    meanings = _comments(configuration)
    own, inner = [], []
    for field in dataclasses.fields(configuration):
        within = nested(field)
        if within is None:
            meaning = field.metadata.get("help") or meanings.get(field.name, "")
            own.append(Option(field.name, _written(field.default), _values(field.default), meaning))
        else:
            inner += [dataclasses.replace(option, key=f"{field.name}.{option.key}") for option in options_of(within)]
    return own + inner


def _written(default: Any) -> str:
    if default is dataclasses.MISSING or default == "???":
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, Enum):
        return str(default.value)
    return "null" if default is None else str(default)


def _values(default: Any) -> tuple[str, ...]:
    if isinstance(default, Enum):
        return tuple(str(member.value) for member in type(default))
    return ("true", "false") if isinstance(default, bool) else ()


def _comments(configuration: type[DataclassInstance]) -> dict[str, str]:
    """The comment of each field of a dataclass: the lines right above it, and those within it up to its line's end."""
    try:
        source = textwrap.dedent(inspect.getsource(configuration))
    except (OSError, TypeError):  # a dataclass that has no file
        return {}
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.ClassDef)
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    meanings = {}
    for statement in definition.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            first = statement.lineno
            while first - 1 in comments and _stands_alone(source, first - 1):
                first -= 1
            lines = range(first, (statement.end_lineno or first) + 1)
            meanings[statement.target.id] = " ".join(comments[line] for line in lines if line in comments)
    return meanings


def _stands_alone(source: str, line: int) -> bool:
    return source.splitlines()[line - 1].lstrip().startswith("#")
