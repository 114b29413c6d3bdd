"""Values that every format of a file holds: texts, numbers, lists and mappings."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from typing import Any


def plain(value: object) -> Any:
    """Configuration as plain values: dataclasses to dictionaries, enumeration members to their names."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return plain(asdict(value))  # type: ignore[call-overload]
    return value
