"""TSSA in a program: a score counts the channels and time steps in which a query meets a key."""

from __future__ import annotations

from dsf_export.mixings.scored_attention import ScoreLowering


class TssaLowering(ScoreLowering):
    """Scores over all time steps."""

    def __init__(self) -> None:
        super().__init__(over_steps=True)
