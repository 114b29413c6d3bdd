"""Facts about its origin that a program carries."""

from __future__ import annotations

import json
from typing import Any

from neuro_runtime.program.program import Program


def context_of(program: Program) -> int | None:
    """Tokens of the window that the policy was trained with; None where the program does not say."""
    model = _configuration(program).get("model")
    context = model.get("context") if isinstance(model, dict) else None
    return context if isinstance(context, int) and context >= 1 else None


def trained_with_delayed_reward(program: Program) -> bool:
    """Whether the policy was trained with all reward at the end of an episode, and is to be run so."""
    return _configuration(program).get("delayed_reward") is True


def _configuration(program: Program) -> dict[str, Any]:
    """The options of the policy's training, as far as the program says."""
    try:
        configuration = json.loads(program.provenance.get("configuration", "{}"))
    except ValueError:
        return {}
    return configuration if isinstance(configuration, dict) else {}
