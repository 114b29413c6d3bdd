"""SSSA has no program."""

from __future__ import annotations

from dsf_export.mixings.mixing_lowering import NoLowering

SSSA = NoLowering(
    "SSSA (model.mixing=sssa) multiplies spikes by an integer map between all tokens of the window, which neurons and "
    "delays cannot do; train with model.mixing=pssa or delay-matrix."
)
