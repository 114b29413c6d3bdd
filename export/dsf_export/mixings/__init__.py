"""How a token mixing leaves PyTorch: a file a mixing, with its folded form, its synapses and its lowering.

Importing this package registers the lowerings of the mixings that come with `dsf_models.mixings`.
"""

from __future__ import annotations

from dsf_export.mixings.delay import DelayLowering
from dsf_export.mixings.delay_matrix import DelayMatrixLowering
from dsf_export.mixings.folded_mixing import FoldedMixing
from dsf_export.mixings.mixing_lowering import MixingLowering
from dsf_export.mixings.pssa import PssaLowering
from dsf_export.mixings.pssa_delay_matrix import PssaBesideDelayMatrixLowering
from dsf_export.mixings.registry import lowering_of, register_lowering
from dsf_export.mixings.sdsa1 import Sdsa1Lowering
from dsf_export.mixings.sdsa3 import Sdsa3Lowering
from dsf_export.mixings.sssa import SssaLowering
from dsf_export.mixings.tssa import TssaLowering

__all__ = ["FoldedMixing", "MixingLowering", "lowering_of", "register_lowering"]

register_lowering("pssa", PssaLowering())
register_lowering("delay", DelayLowering())
register_lowering("delay-matrix", DelayMatrixLowering())
register_lowering("pssa-delay-matrix", PssaBesideDelayMatrixLowering())
register_lowering("tssa", TssaLowering())
register_lowering("sssa", SssaLowering())
register_lowering("sdsa1", Sdsa1Lowering())
register_lowering("sdsa3", Sdsa3Lowering())
