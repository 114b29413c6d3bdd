"""The Lava worker's process: what a session asks, Lava does."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[2] / "worker"))
from served_program import unpack_program
from serving import serve
from wire import Message

try:
    from lava.utils.loihi import is_installed as has_hardware_support
    from network import LavaNetwork
except ImportError as problem:
    sys.exit(f"MISSING: {problem}")


class LavaWorker:
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


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), LavaWorker())
