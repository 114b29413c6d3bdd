"""The worker's process: answers a session's requests until the session is gone.

It ends with the session, however that ends, and Lava's processes end with it.
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
from threading import Thread

import numpy as np
from wire import Message, receive, send

try:
    from lava.utils.loihi import is_installed as has_hardware_support
    from network import LavaNetwork, ProcessFailed, unpack_program
except ImportError as problem:
    sys.exit(f"LAVA MISSING: {problem}")

PARTING_S = 5.0  # how long Lava may take to stop once the session is gone
LOOK_AROUND_S = 1.0
PR_SET_PDEATHSIG = 1


def main(connection: socket.socket) -> None:
    """Serve the session at the other end of ``connection``."""
    end_children_with_this_process(connection)
    Thread(target=end_after_session, args=(connection, os.getppid()), daemon=True).start()
    worker = Worker()
    with suppress(EOFError, ConnectionError):
        while True:
            send(connection, answer_or_fail(worker, receive(connection), connection))
    worker.close()


def answer_or_fail(worker: Worker, request: Message, connection: socket.socket) -> Message:
    """The worker's answer; an error is told to the session and ends this process."""
    try:
        return worker.answer(request)
    except Exception as error:
        traceback.print_exc()
        with suppress(ConnectionError):
            send(connection, Message("failed", {"error": in_one_line(error)}))
        # Lava's processes may hang, so nobody waits for them: they are killed with this one.
        os._exit(1)


class Worker:
    """Answers one session's requests: ``open`` a program, then ``decide`` and ``reset``."""

    def __init__(self) -> None:
        self._network: LavaNetwork | None = None

    def answer(self, request: Message) -> Message:
        """Do what is asked."""
        if request.kind == "open":
            return self._open(request)
        if self._network is None:
            raise ValueError(f"{request.kind} before open")
        if request.kind == "reset":
            self._network.reset(request.fields["idle_decisions"])
            return Message("done")
        decision = self._network.decide(request.arrays["current"])
        # A bit a spike: the record of a large program has some hundred thousand entries.
        packed = np.packbits(decision.spikes, axis=1)
        return Message("decided", {}, {"accumulator": decision.accumulator, "spikes": packed, **decision.states})

    def close(self) -> None:
        """Stop Lava."""
        if self._network is not None:
            self._network.stop()

    def _open(self, request: Message) -> Message:
        if request.fields["hardware"] and not has_hardware_support():
            return Message("no hardware")
        program = unpack_program(request.fields["program"], request.arrays)
        self._network = LavaNetwork(program, request.fields["record_states"], request.fields["hardware"])
        return Message("opened", {}, dict(self._network.numbers))


def in_one_line(error: Exception) -> str:
    """The problem, in the words of whoever raised it."""
    if isinstance(error, ProcessFailed):
        return str(error).splitlines()[-1]
    return f"{type(error).__name__}: {error}"


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


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
