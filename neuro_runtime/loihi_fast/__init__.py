"""Loihi's arithmetic, exact and fast: the ``loihi-fast`` simulator."""

from neuro_runtime.loihi_fast.simulator import BatchDecision, LargestStates, LoihiFast

__all__ = ["BatchDecision", "LargestStates", "LoihiFast"]
