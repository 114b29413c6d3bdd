"""The serving half of a worker: answers a session's requests until the session is gone.

It runs in the emulator's own Python, and ends with the session, however that ends; so do the processes it forked.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import replace
from threading import Thread
from typing import Protocol

from wire import Message, receive, send

PARTING_S = 5.0  # how long an emulator may take to stop once the session is gone
LOOK_AROUND_S = 1.0
PR_SET_PDEATHSIG = 1


class Worker(Protocol):
    """Answers the requests of one session."""

    def answer(self, request: Message) -> Message:
        """Do what is asked."""
        ...

    def close(self) -> None:
        """Stop the emulator."""
        ...


def serve(connection: socket.socket, worker: Worker) -> None:
    """Serve the session at the other end of ``connection``."""
    end_children_with_this_process(connection)
    Thread(target=end_after_session, args=(connection, os.getppid()), daemon=True).start()
    with suppress(EOFError, ConnectionError):
        while True:
            send(connection, answer_or_fail(worker, receive(connection), connection))
    worker.close()


def answer_or_fail(worker: Worker, request: Message, connection: socket.socket) -> Message:
    """The worker's answer; an error is told to the session and ends this process."""
    try:
        return replace(worker.answer(request), number=request.number)
    except Exception as error:
        traceback.print_exc()
        with suppress(ConnectionError):
            send(connection, Message("failed", {"error": in_one_line(error)}, number=request.number))
        # An emulator's processes may hang, so nobody waits for them: they are killed with this one.
        os._exit(1)


def in_one_line(error: Exception) -> str:
    """The problem, in the words of whoever raised it: those of another process, if it told them."""
    told: str | None = getattr(error, "told_by_another_process", None)
    return f"{type(error).__name__}: {error}" if told is None else told.splitlines()[-1]


def end_children_with_this_process(connection: socket.socket) -> None:
    """Have the kernel kill every process that is forked from now on when this one ends, even when it is killed."""
    if sys.platform != "linux":
        return  # elsewhere the session kills the process group
    worker, prctl = os.getpid(), ctypes.CDLL(None).prctl

    def prepare_child() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != worker:
            os._exit(1)  # it was gone before the kernel was told
        os.close(connection.fileno())

    os.register_at_fork(after_in_child=prepare_child)


def end_after_session(connection: socket.socket, session: int) -> None:
    """Wait until the session's process has closed the connection or ended; then, after a while, kill this one."""
    hung_up = select.poll()
    hung_up.register(connection, 0)
    while not hung_up.poll(LOOK_AROUND_S * 1000) and os.getppid() == session:
        pass
    time.sleep(PARTING_S)
    os.kill(os.getpid(), signal.SIGKILL)
