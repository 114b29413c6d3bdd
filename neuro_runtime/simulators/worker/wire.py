"""The messages between the session and the Lava worker: JSON and numpy arrays over a socket, never pickle.

A message is an eight-byte length, a JSON header of that length, then the bytes of each array that the header lists.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, eq=False)
class Message:
    """A request or an answer.

    Attributes
    ----------
    kind
        The request or answer by name, e.g. ``decide``.
    fields
        Plain values that JSON can carry.
    arrays
        Named numpy arrays of booleans or numbers.
    number
        The request's place among those of its session; its answer carries the same.
    """

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    number: int = 0


def send(connection: socket.socket, message: Message, time_limit_s: float | None = None) -> None:
    """Send a message.

    Raises
    ------
    TimeoutError
        It was not taken within ``time_limit_s``.
    OSError
        Nobody is at the other end.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in message.arrays.items()}
    header = {
        "kind": message.kind,
        "number": message.number,
        "fields": dict(message.fields),
        "arrays": [[name, array.dtype.str, array.shape] for name, array in arrays.items()],
    }
    encoded = json.dumps(header).encode()
    connection.settimeout(time_limit_s)
    connection.sendall(b"".join([LENGTH.pack(len(encoded)), encoded, *(array.tobytes() for array in arrays.values())]))


def receive(connection: socket.socket, time_limit_s: float | None = None) -> Message:
    """Wait for a message.

    Raises
    ------
    TimeoutError
        It was not complete within ``time_limit_s``.
    EOFError
        The other end closed.
    OSError
        The other end is gone.
    """
    deadline = None if time_limit_s is None else time.monotonic() + time_limit_s
    (length,) = LENGTH.unpack(_read(connection, LENGTH.size, deadline))
    header = json.loads(_read(connection, length, deadline))
    arrays = {}
    for name, code, shape in header["arrays"]:
        array = np.empty(shape, dtype=np.dtype(code))
        arrays[name] = np.frombuffer(_read(connection, array.nbytes, deadline), array.dtype).reshape(shape)
    return Message(header["kind"], header["fields"], arrays, header["number"])


def _read(connection: socket.socket, size: int, deadline: float | None) -> bytearray:
    """Exactly ``size`` bytes."""
    buffer = bytearray(size)
    unread = memoryview(buffer)
    while unread:
        connection.settimeout(None if deadline is None else max(deadline - time.monotonic(), 1e-3))
        count = connection.recv_into(unread)
        if not count:
            raise EOFError("the other end closed the connection")
        unread = unread[count:]
    return buffer
