"""Export: from a trained policy to a program of integer spiking neurons, in a chip's format.

>>> from dsf_export import export
>>> program_file = export("runs/pendulum/default/model.pt", target="lava")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsf_export.export_of_call import export

__all__ = ["export"]


def __getattr__(name: str) -> object:
    """Import the entry point when it is first used, since it brings PyTorch."""
    if name in __all__:
        from dsf_export import export_of_call

        return getattr(export_of_call, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
