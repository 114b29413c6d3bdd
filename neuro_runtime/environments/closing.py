"""The end of an environment, which may be of somebody's own: one that fails to close takes no result with it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium

from dsf_common.errors import RAISED_BY_OTHERS, with_place

_log = logging.getLogger(__name__)


@contextmanager
def closing(*environments: gymnasium.Env[Any, Any]) -> Iterator[None]:
    """Close the environments at the end; a warning tells of a close that fails."""
    try:
        yield
    finally:
        for environment in environments:
            _close(environment)


def _close(environment: gymnasium.Env[Any, Any]) -> None:
    try:
        environment.close()
    except RAISED_BY_OTHERS as problem:
        _log.warning("%s fails to close, %s", type(environment.unwrapped).__name__, with_place(problem))
