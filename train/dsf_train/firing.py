"""Watching the layers: neurons that never fire, or always do, carry nothing."""

from __future__ import annotations

import logging

from torch import Tensor

SILENT_BELOW = 0.001
SATURATED_ABOVE = 0.95

_log = logging.getLogger(__name__)


def firing_rates(spikes: dict[str, Tensor]) -> dict[str, float]:
    """Spikes a neuron and time step of each layer, in [0, 1]."""
    return {name: layer.detach().mean().item() for name, layer in spikes.items()}


class FiringWatch:
    """Names a layer once when it falls silent or saturates, and again if it recovers and relapses."""

    def __init__(self) -> None:
        self._useless: dict[str, float] = {}  # at the latest step that was checked

    @property
    def silent(self) -> bool:
        """Whether a layer was silent at the latest step that was checked."""
        return any(rate < SILENT_BELOW for rate in self._useless.values())

    def check(self, step: int, rates: dict[str, float]) -> dict[str, float]:
        """The layers that carry nothing at this step, with their rates; new ones are logged as warnings."""
        useless = {name: rate for name, rate in rates.items() if not SILENT_BELOW <= rate <= SATURATED_ABOVE}
        for name in sorted(useless.keys() - self._useless.keys()):
            _log.warning("step %d: %s", step, _describe(name, useless[name]))
        self._useless = useless
        return useless


def _describe(name: str, rate: float) -> str:
    state = "almost never fires" if rate < SILENT_BELOW else "fires almost always"
    consequence = "; the policy does not use its past through it" if name.endswith("attention.output") else ""
    return f"layer {name} {state} ({rate:.2%} of its neuron-steps){consequence}"
