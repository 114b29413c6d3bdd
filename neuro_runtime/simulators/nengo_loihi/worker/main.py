"""The nengo-loihi worker's process: what a session asks, the emulator does."""

from __future__ import annotations

import socket
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[2] / "worker"))
from served_program import unpack_program
from serving import serve
from wire import Message

try:
    from network import NengoLoihiNetwork
except ImportError as problem:
    sys.exit(f"MISSING: {problem}")


class NengoLoihiWorker:
    """Answers one session's requests: ``open`` a program, then ``decide`` and ``reset``."""

    def __init__(self) -> None:
        self._network: NengoLoihiNetwork | None = None
        self._record_states = False

    def answer(self, request: Message) -> Message:
        """Do what is asked."""
        if request.kind == "open":
            self._network = NengoLoihiNetwork(unpack_program(request.fields["program"], request.arrays))
            self._record_states = request.fields["record_states"]
            return Message("opened", {}, self._network.numbers)
        if self._network is None:
            raise ValueError(f"{request.kind} before open")
        if request.kind == "reset":
            self._network.reset()
            return Message("done")
        decision = self._network.decide(request.arrays["current"])
        states = {"u": decision.currents, "v": decision.voltages} if self._record_states else {}
        packed = np.packbits(decision.spikes, axis=1)
        return Message("decided", {}, {"accumulator": decision.accumulator, "spikes": packed, **states})

    def close(self) -> None:
        """The emulator holds nothing to stop."""


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the emulator warns of every wrap
    serve(socket.socket(fileno=int(sys.argv[1])), NengoLoihiWorker())
