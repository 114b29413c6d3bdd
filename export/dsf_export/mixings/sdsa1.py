"""SDSA-1 has no program."""

from __future__ import annotations

from dsf_export.mixings.mixing_lowering import NoLowering

SDSA1 = NoLowering(
    "SDSA-1 (model.mixing=sdsa1) sums over every earlier token of the window, which moves, so a stream's sums are not "
    "the window's; train with model.mixing=pssa, which sums over the last S tokens, or delay-matrix."
)
