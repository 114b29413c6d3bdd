"""Values that every format of a file holds: texts, numbers, lists and mappings."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from enum import Enum
from typing import Any


def plain(value: object) -> Any:
    """Configuration as plain values: dataclasses to dictionaries, enumeration members to their names."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    return value
