"""Watches what return a policy is asked for: one far from those of its training asks for nothing it has learned."""

from __future__ import annotations

import logging

from neuro_runtime.backends.base import Backend, KnowsProtocol

_log = logging.getLogger(__name__)


class ReturnWatch:
    """Warns once of a return target that is far from every return-to-go of a policy's training."""

    def __init__(self, backend: Backend) -> None:
        self._protocol = backend.protocol if isinstance(backend, KnowsProtocol) else None

    def see(self, return_target: float) -> None:
        """Take the return target of an episode into account."""
        if self._protocol is None or not self._protocol.is_far(return_target):
            return
        _log.warning(
            "return_target=%g is far from what this policy was trained with, returns of the order of %g, so what it "
            "does means nothing: its own return_target is %g",
            return_target,
            self._protocol.largest_return,
            self._protocol.return_target,
        )
        self._protocol = None
