"""TSSA has no program."""

from __future__ import annotations

from dsf_export.mixings.mixing_lowering import NoLowering

TSSA = NoLowering(
    "TSSA (model.mixing=tssa) sums its attention map over all time steps before it can answer and multiplies by that "
    "integer map, which neurons and delays cannot do; train with model.mixing=pssa or delay-matrix."
)
