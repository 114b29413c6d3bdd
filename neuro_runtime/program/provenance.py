"""Facts about its origin that a program carries."""

from __future__ import annotations

import json

from neuro_runtime.program.program import Program


def context_of(program: Program) -> int | None:
    """Tokens of the window that the policy was trained with; None where the program does not say."""
    try:
        context = json.loads(program.provenance["configuration"])["model"]["context"]
    except (KeyError, TypeError, ValueError):
        return None
    return context if isinstance(context, int) and context >= 1 else None
