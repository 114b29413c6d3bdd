"""One JSON document on stdout, whatever an environment of a user's own prints beside it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any, TextIO

from dsf_common.json_text import json_text

_stdout: ContextVar[TextIO | None] = ContextVar("stdout", default=None)


@contextlib.contextmanager
def documents_alone() -> Iterator[None]:
    """Until the end :func:`print_document` alone reaches stdout; all else that is printed goes to stderr."""
    before = _stdout.set(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _stdout.reset(before)


def print_document(document: Mapping[str, Any]) -> None:
    """Print ``document`` as JSON on stdout."""
    print(json_text(document), file=_stdout.get())
