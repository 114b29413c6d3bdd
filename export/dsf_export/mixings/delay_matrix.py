"""`delay-matrix` in a program: its matrices, one a delay."""

from __future__ import annotations

from dsf_export.folding import fold_affine, fold_linear, fold_norm
from dsf_export.mixings.delayed_synapses import FoldedDelays
from dsf_export.mixings.folded_mixing import FoldedMixing
from dsf_export.mixings.mixing_lowering import MixingLowering
from dsf_models.configuration import ModelConfig
from dsf_models.mixings.delay_matrix import DelayMatrixMixing


class DelayMatrixLowering(MixingLowering[DelayMatrixMixing]):
    """``diag(g) W_j``, g the norm's gain; of low rank ``W_j = A_j B``, which has as many synapses as a free matrix."""

    def without_program(self, config: ModelConfig) -> str | None:
        if not config.carry_membranes:
            return None
        return (
            "Membranes that carry over from token to token (model.carry_membranes=true) go on for as long as a stream "
            "does, while a window starts anew, and a chip's decay while they wait for the next token; train with "
            "model.carry_membranes=false."
        )

    def fold(self, mixing: DelayMatrixMixing, prefix: str, threshold: float) -> dict[str, FoldedMixing]:
        affine = fold_affine(mixing.linear)
        weight = affine.weight if mixing.shared is None else affine.weight @ mixing.shared.double()
        biases = affine.bias.view(mixing.window, -1)
        gain, offset = fold_norm(mixing.norm, f"{prefix}.norm", biases[0])
        scale = gain / threshold
        folded = FoldedDelays(
            weight=scale[:, None] * weight.view(*biases.shape, -1),
            past_bias=scale * biases,
            bias=offset / threshold,
            project=fold_linear(mixing.project, f"{prefix}.project", threshold),
        )
        return {prefix: folded}
