"""One JSON document on stdout, whatever an environment of a user's own prints beside it."""

from __future__ import annotations

import contextlib
import json
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
    """Print ``document`` as JSON on stdout, in ASCII where its encoding lacks a letter."""
    stream, text = _stdout.get() or sys.stdout, json_text(document)
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(json.loads(text))
    print(text, file=stream)
