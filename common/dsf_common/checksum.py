"""A checksum over what a file says, so that a flipped bit is not taken for another content.

It is computed from the values and not from the bytes, so a file may be written anew, compressed or indented otherwise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from dsf_common.errors import UserError
from dsf_common.json_text import finite_document

CHECKSUM = "checksum"  # the name under which a file keeps it
DIGITS = 16


def content_checksum(content: object) -> str:
    """The first 64 bits of a SHA-256 over nested plain values and NumPy arrays, in hexadecimal.

    A list and a tuple count as the same, and so do two orders of a mapping's entries.

    Raises
    ------
    TypeError
        A value is of another type.
    """
    digest = hashlib.sha256()
    _add(digest, content)
    return digest.hexdigest()[:DIGITS]


def with_checksum(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document for JSON, finite, with the checksum of what JSON makes of it."""
    document = finite_document(document)
    return {**document, CHECKSUM: content_checksum(json.loads(json.dumps(document)))}


def require_intact(content: Mapping[str, Any], what: str, remedy: str, required: bool = False) -> dict[str, Any]:
    """``content`` without its checksum, which must be its own.

    Parameters
    ----------
    what, remedy
        The file, and how to get another.
    required
        Whether content without a checksum is refused too; releases before it wrote none.

    Raises
    ------
    UserError
        The checksum is of another content, or is missing and ``required``.
    """
    rest = {name: value for name, value in content.items() if name != CHECKSUM}
    if CHECKSUM not in content and not required:
        return rest
    if content.get(CHECKSUM) != content_checksum(rest):
        raise UserError(f"{what} is damaged: its content does not match its checksum; {remedy}")
    return rest


def _add(digest: hashlib._Hash, value: object) -> None:
    """Feed a value with its kind and its length, so that no two contents look alike."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        digest.update(b"{%d" % len(value))
        for key in sorted(value, key=lambda key: (type(key).__name__, key)):
            _add(digest, key)
            _add(digest, value[key])
    elif isinstance(value, list | tuple):
        digest.update(b"[%d" % len(value))
        for item in value:
            _add(digest, item)
    elif isinstance(value, np.ndarray):
        digest.update(f"<{value.dtype.str}{value.shape}>".encode())
        digest.update(np.ascontiguousarray(value).data)
    elif value is None or isinstance(value, bool | int | float | str):
        text = f"{type(value).__name__}:{value!r}".encode()
        digest.update(b"=%d" % len(text) + text)
    else:
        raise TypeError(f"a {type(value).__name__} has no checksum")
