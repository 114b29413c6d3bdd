"""The Lava target: the program's own file, which the Lava worker and the interpreter run."""

from __future__ import annotations

from neuro_runtime.program import load_program as read
from neuro_runtime.program import save_program as write

__all__ = ["read", "write"]
