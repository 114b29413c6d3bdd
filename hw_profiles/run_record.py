"""The part of a saved run that an energy estimate needs: ``run.json``'s ``activity``."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

from hw_profiles.activity import ActivityCounts
from hw_profiles.errors import UserError

RECORD = "run.json"


def record_path(run: str | Path) -> Path:
    """The record of a run given as its folder or as the record itself.

    Raises
    ------
    UserError
        There is none.
    """
    path = Path(run)
    record = path / RECORD if path.is_dir() else path
    if not record.is_file():
        raise UserError(f"no run at {run}: give a folder that dsf-run wrote (it holds {RECORD})")
    return record


def load_counts(record: Path) -> ActivityCounts:
    """The counted activity of the run's average decision.

    Raises
    ------
    UserError
        The file is not JSON, or its ``activity`` lacks a count or holds one that is not a number ≥ 0.
    """
    try:
        document = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{record} is not readable JSON: {error}") from error
    activity = document.get("activity") if isinstance(document, dict) else None
    if not isinstance(activity, dict):
        raise UserError(f"{record} is not the record of a run: it has no activity")
    return ActivityCounts(
        **{field.name: _count(activity, field.name, record) for field in dataclasses.fields(ActivityCounts)}
    )


def _count(activity: dict[str, object], name: str, record: Path) -> float:
    value = activity.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return float(value)
    raise UserError(f"{record}: activity.{name} must be a number that is not negative, got {value!r}")
