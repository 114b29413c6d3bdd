"""Options with a former name, which scripts and stored configurations may still use."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_FORMERLY = "formerly"


def renamed(default: Any, formerly: str) -> Any:
    """A dataclass field with a ``default``, whose name was ``formerly``."""
    return dataclasses.field(default=default, metadata={_FORMERLY: formerly})


def former_names(configuration: type[DataclassInstance]) -> dict[str, str]:
    """The name of each renamed option by its former name, both dotted where a field is a dataclass itself."""
    names: dict[str, str] = {}
    for field in dataclasses.fields(configuration):
        if _FORMERLY in field.metadata:
            names[field.metadata[_FORMERLY]] = field.name
        inner = nested(field)
        if inner is not None:
            names |= {f"{field.name}.{old}": f"{field.name}.{new}" for old, new in former_names(inner).items()}
    return names


def with_present_names(configuration: type[DataclassInstance], values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` of a stored configuration, nested as its dataclasses are, under the names that options have now."""
    names = former_names(configuration)
    present = {names.get(name, name): value for name, value in values.items()}
    for field in dataclasses.fields(configuration):
        inner = nested(field)
        if inner is not None and isinstance(present.get(field.name), Mapping):
            present[field.name] = with_present_names(inner, present[field.name])
    return present


def nested(field: dataclasses.Field[Any]) -> type[DataclassInstance] | None:
    """The dataclass that a field holds by default, if it holds one."""
    made: Any = field.default_factory
    return made if isinstance(made, type) and dataclasses.is_dataclass(made) else None
