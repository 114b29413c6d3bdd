"""Facts about its origin that a program carries."""

from __future__ import annotations

import json
from typing import Any

from neuro_runtime.policy_protocol import PolicyProtocol
from neuro_runtime.program.program import Program

DATA_NOTES = "data_notes"  # the provenance's key of a list in JSON


def context_of(program: Program) -> int | None:
    """Tokens of the window that the policy was trained with; None where the program does not say."""
    model = _configuration(program).get("model")
    context = model.get("context") if isinstance(model, dict) else None
    return context if isinstance(context, int) and context >= 1 else None


def protocol_of(program: Program) -> PolicyProtocol:
    """How the program's policy was trained, and is to be run."""
    return PolicyProtocol(
        program.return_target,
        program.encoder.return_scale,
        _configuration(program).get("delayed_reward") is True,
        program.encoder.input_clip,
        program.action_bounds,
        _data_notes(program),
    )


def _data_notes(program: Program) -> tuple[str, ...]:
    """The doubts about the data of the policy's training, as far as the program says."""
    try:
        notes = json.loads(program.provenance.get(DATA_NOTES, "[]"))
    except ValueError:
        return ()
    return tuple(map(str, notes)) if isinstance(notes, list) else ()


def _configuration(program: Program) -> dict[str, Any]:
    """The options of the policy's training, as far as the program says."""
    try:
        configuration = json.loads(program.provenance.get("configuration", "{}"))
    except ValueError:
        return {}
    return configuration if isinstance(configuration, dict) else {}
