"""SDSA-3 in a program: SSSA's scores, each worth an eighth."""

from __future__ import annotations

from dsf_export.mixings.scored_attention import ScoreLowering
from dsf_models.mixings.sdsa3 import SDSA3


class Sdsa3Lowering(ScoreLowering):
    """Scores of each time step, scaled: ``q (kᵀ v) = (q kᵀ) v``."""

    def __init__(self) -> None:
        super().__init__(scale=SDSA3.SCALE)
