"""SSSA in a program: a score counts the channels in which a query meets a key at one time step."""

from __future__ import annotations

from dsf_export.mixings.scored_attention import ScoreLowering


class SssaLowering(ScoreLowering):
    """Scores of each time step alone."""
