"""Loihi's arithmetic, exact and fast: the ``loihi-fast`` simulator."""

from neuro_runtime.simulators.loihi_fast.simulator import BatchDecision, LoihiFast

__all__ = ["BatchDecision", "LoihiFast"]
