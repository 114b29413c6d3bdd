"""`delay` in a program: a channel's value, weighed by distance, is a matrix a delay."""

from __future__ import annotations

from dsf_export.folding import fold_linear, fold_norm
from dsf_export.mixings.delayed_synapses import FoldedDelays
from dsf_export.mixings.folded_mixing import FoldedMixing
from dsf_export.mixings.mixing_lowering import MixingLowering
from dsf_models.mixings.delay import DelayMixing


class DelayLowering(MixingLowering[DelayMixing]):
    """``W_j = diag(g₂ p_j) W_v'``, W_v' the value's folded weights and g₂ the outer norm's gain."""

    def fold(self, mixing: DelayMixing, prefix: str, threshold: float) -> dict[str, FoldedMixing]:
        value = fold_linear(mixing.value, f"{prefix}.value", threshold=1.0)
        outer_gain, outer_offset = fold_norm(mixing.norm, f"{prefix}.norm", value.bias)
        gain = outer_gain * mixing.position.per_channel().double() / threshold
        folded = FoldedDelays(
            weight=gain[:, :, None] * value.weight,
            past_bias=gain * value.bias,
            bias=outer_offset / threshold,
            project=fold_linear(mixing.project, f"{prefix}.project", threshold),
        )
        return {prefix: folded}
