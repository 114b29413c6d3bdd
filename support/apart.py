"""Work in a process of its own, so that neither an allocator's settings nor what is compiled is shared between ways."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

from support.timing import Work


def apart(make: Callable[[], Work]) -> Work:
    """The work that ``make``, which has to be picklable, makes in a process of its own; that ends with this one."""
    ours, theirs = multiprocessing.Pipe()
    multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, make), daemon=True).start()
    theirs.close()

    def work() -> int:
        ours.send(None)
        done: int = ours.recv()
        return done

    return work


def _serve(connection: Connection, make: Callable[[], Work]) -> None:
    work = make()
    with suppress(EOFError):  # the process that asks has ended
        while True:
            connection.recv()
            connection.send(work())
