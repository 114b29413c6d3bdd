"""The reasons for which a document is refused, in few words."""

from __future__ import annotations

from pydantic import ValidationError


def first_problem(error: ValidationError) -> str:
    """Where, what, and the value: in one line."""
    problem = error.errors(include_url=False)[0]
    place = ".".join(map(str, problem["loc"]))
    if problem["type"] in ("missing", "missing_argument"):
        return f"{place} is missing"
    return f"{place} is {problem['input']!r}: {problem['msg'].lower()}"
