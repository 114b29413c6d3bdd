"""Documents as JSON, which has no word for a number that is not finite."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

NOT_FINITE = "not_finite"  # where each null that stands for such a number is, and which one it stands for


def json_text(document: Mapping[str, Any], indent: int | None = None) -> str:
    """The document in JSON; a number that is not finite becomes null, and ``not_finite`` says which one it was."""
    return json.dumps(finite_document(document), indent=indent, ensure_ascii=False, allow_nan=False)


def finite_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with null in place of each number that is not finite, and ``not_finite``: place to number."""
    places = {".".join(path): str(value) for path, value in _numbers(document, ()) if not math.isfinite(value)}
    whole = dict(document)
    return {**_without_such(whole), NOT_FINITE: places} if places else whole


def _numbers(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
    if isinstance(value, float):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _numbers(item, (*path, str(number)))


def _without_such(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_such(item) for key, item in value.items()}
    return [_without_such(item) for item in value] if isinstance(value, list | tuple) else value
