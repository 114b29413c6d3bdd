"""Every token mixing of the toolchain with its settings, a line each, and what is true of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dsf_models.configuration import BiasSharing, ModelConfig, PositionBias

FACTORS = ("query", "key", "value")


@dataclass(frozen=True)
class MixingCase:
    """A token mixing with settings of its own.

    Attributes
    ----------
    mixing
        Its name.
    settings
        Fields of `ModelConfig` with other values than their defaults.
    layers
        Its recorded layers, by the end of their names.
    sees_all
        Whether a token sees every earlier one of the window, however far away.
    """

    mixing: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    layers: tuple[str, ...] = (*FACTORS, "output")
    sees_all: bool = False

    def config(self, dimensions: ModelConfig) -> ModelConfig:
        """``dimensions`` with this mixing, which need not stream."""
        return replace(dimensions, mixing=self.mixing, streaming=False, **self.settings)

    @property
    def levels(self) -> int:
        """Neurons a channel that the mixing reads."""
        return int(self.settings.get("levels", 1))

    def __str__(self) -> str:
        values = (f"{name}={getattr(value, 'value', value)}" for name, value in self.settings.items())
        return ", ".join((self.mixing, *values))


MIXING_CASES = (
    MixingCase("pssa"),
    MixingCase("pssa", {"bias_sharing": BiasSharing.head}),
    MixingCase("pssa", {"bias_sharing": BiasSharing.channel}),
    MixingCase("pssa", {"position_bias": PositionBias.pairwise}),
    MixingCase("tssa"),
    MixingCase("tssa", {"score_limit": 3}),
    MixingCase("tssa", {"window": 100}, sees_all=True),
    MixingCase("sssa"),
    MixingCase("sssa", {"score_limit": 1}),
    MixingCase("sssa", {"window": 100}, sees_all=True),
    MixingCase("sdsa1", layers=(*FACTORS, "sum", "output")),
    MixingCase("sdsa1", {"window": 100}, layers=(*FACTORS, "sum", "output"), sees_all=True),
    MixingCase("sdsa3"),
    MixingCase("sdsa3", {"score_limit": 2}),
    MixingCase("sdsa3", {"window": 100}, sees_all=True),
    MixingCase("delay", layers=("output",)),
    MixingCase("delay-matrix", layers=("output",)),
    MixingCase("delay-matrix", {"mixing_ratio": 2}, layers=("output",)),
    MixingCase("delay-matrix", {"mixing_rank": 3}, layers=("output",)),
    MixingCase("delay-matrix", {"carry_membranes": True}, layers=("output",), sees_all=True),
    MixingCase("delay-matrix", {"levels": 3}, layers=("output",)),
    MixingCase("pssa-delay-matrix", layers=(*FACTORS, "output", "delay.output")),
)
MIXINGS = tuple(case.mixing for case in MIXING_CASES if not case.settings)
"""Their names."""
