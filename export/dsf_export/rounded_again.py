"""A program once more from its model, by the scales that it was rounded with: as it was before any pass."""

from __future__ import annotations

import json

from dsf_export.fold import fold
from dsf_export.lower import lower
from dsf_export.optimise.lean_candidate import RECORDED, THRESHOLDS
from dsf_export.optimise.passes import PASSES
from dsf_export.quantise.exact_groups import exact_scales
from dsf_export.quantise.program_rounding import quantise
from dsf_models.checkpoint import PolicyModel
from dsf_models.quantisation import Scales
from neuro_runtime.program import Program
from neuro_runtime.program.chip import Chip
from neuro_runtime.program.limits import CURRENT_SHIFT
from neuro_runtime.program.nodes import Lif
from neuro_runtime.program.weight_format import WeightFormat

OF_PASSES = (PASSES, RECORDED, THRESHOLDS)


def rounded_again(program: Program, policy: PolicyModel) -> Program:
    """The program of ``policy`` with another program's weight format, chip and scales.

    The scales are the program's thresholds, with those that its provenance keeps of layers which passes took out, and
    what its host multiplies and divides by. They were chosen on recorded activity, which need not be the same to the
    bit on another machine.
    """
    provenance = {key: value for key, value in program.provenance.items() if key not in OF_PASSES}
    lowered = lower(fold(policy.model), policy, provenance)
    bits, exponents = (int(program.provenance[f"weight_{key}"]) for key in ("bits", "exponents"))
    weight_format = WeightFormat(bits, exponents, Chip(program.provenance.get("chip", Chip.lava)))
    return quantise(lowered, _scales(program, lowered), weight_format)


def _scales(program: Program, lowered: Program) -> Scales:
    scales = {node.name: int(node.threshold) for node in program.nodes if isinstance(node, Lif)}
    scales |= json.loads(program.provenance.get(THRESHOLDS, "{}"))
    scales |= exact_scales(lowered)  # of neurons that count, whose thresholds are no 1.0
    summed = lowered.readout.inverse_scale[0] / program.readout.inverse_scale[0]
    scales[program.accumulator.name] = round(summed / 2**CURRENT_SHIFT)
    return Scales(scales, injected=int(program.encoder.input_scale))
