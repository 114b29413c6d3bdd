"""PSSA beside `delay-matrix` in a program: the two stand side by side."""

from __future__ import annotations

from dsf_export.mixings.delay_matrix import DelayMatrixLowering
from dsf_export.mixings.folded_mixing import FoldedMixing
from dsf_export.mixings.mixing_lowering import MixingLowering
from dsf_export.mixings.pssa import PssaLowering
from dsf_models.configuration import ModelConfig
from dsf_models.mixings.pssa_delay_matrix import PssaBesideDelayMatrix, delayed_part


class PssaBesideDelayMatrixLowering(MixingLowering[PssaBesideDelayMatrix]):
    """Both parts read the same layers; the delays' spikes wait for PSSA's, as whoever reads both does."""

    def __init__(self) -> None:
        self._delay = DelayMatrixLowering()
        self._pssa = PssaLowering()

    def without_program(self, config: ModelConfig) -> str | None:
        return self._delay.without_program(config) or self._pssa.without_program(config)

    def fold(self, mixing: PssaBesideDelayMatrix, prefix: str, threshold: float) -> dict[str, FoldedMixing]:
        delay = self._delay.fold(mixing.delay, delayed_part(prefix), threshold)
        return delay | self._pssa.fold(mixing.pssa, prefix, threshold)
