"""Run a spiking policy: the program format, environments, backends and closed-loop runs. Needs no PyTorch.

>>> from neuro_runtime import load_policy
>>> policy = load_policy("pen-e", backend="loihi-sim")
>>> policy.reset()
>>> action = policy.act(observation)          # then policy.act(observation, reward), step after step
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuro_runtime.policy import Policy, load_policy

__all__ = ["Policy", "load_policy"]


def __getattr__(name: str) -> object:
    """Import the library's entry points when they are first used, so that a small module stays cheap to import."""
    if name in __all__:
        from neuro_runtime import policy

        return getattr(policy, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
