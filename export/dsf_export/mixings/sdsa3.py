"""SDSA-3 has no program."""

from __future__ import annotations

from dsf_export.mixings.mixing_lowering import NoLowering

SDSA3 = NoLowering(
    "SDSA-3 (model.mixing=sdsa3) multiplies a query by an integer matrix summed over all earlier tokens of the window, "
    "which neurons and delays cannot do; train with model.mixing=pssa or delay-matrix."
)
