"""Training: from offline data to a policy.

>>> from dsf_train import train
>>> result = train("Pendulum-v1", episodes, steps=5_000)     # episodes with observations, actions and rewards each
>>> result.model_file
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsf_train.python_interface import train

__all__ = ["train"]


def __getattr__(name: str) -> object:
    """Import the entry point when it is first used, since it brings PyTorch."""
    if name in __all__:
        from dsf_train import python_interface

        return getattr(python_interface, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
