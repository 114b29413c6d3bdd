"""Groups that are numbered: ``demo_10`` comes after ``demo_9``, whatever the alphabet says."""

from __future__ import annotations

import re
from collections.abc import Iterable


def in_order(names: Iterable[str], prefix: str) -> list[str]:
    """Those of ``names`` that are ``prefix`` and a number, by their numbers."""
    numbers = {name: int(match[1]) for name in names if (match := re.fullmatch(rf"{re.escape(prefix)}(\d+)", name))}
    return sorted(numbers, key=lambda name: numbers[name])
