"""The rounding of a fine-tuning with Loihi's weights, kept in model.pt, so that an export rounds as training did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuro_runtime.program.chip import Chip
from neuro_runtime.program.weight_format import WeightFormat


@dataclass(frozen=True)
class Scales:
    """How many integers stand for 1.0 of a current.

    Attributes
    ----------
    of
        The scale of each neuron group's current, by the group's name.
    injected
        The scale of the token's current as the host sends it.
    """

    of: dict[str, int]
    injected: int


@dataclass(frozen=True)
class Quantisation:
    """How a model's weights are rounded in its forward pass, and in the program made of it.

    Attributes
    ----------
    scales
        They cover every neuron group of the program.
    """

    weight_format: WeightFormat
    scales: Scales

    def plain(self) -> dict[str, Any]:
        """Numbers and names, as a file keeps them."""
        return {
            "bits": self.weight_format.bits,
            "exponents": self.weight_format.exponents,
            "chip": str(self.weight_format.chip),
            "scales": dict(self.scales.of),
            "injected": self.scales.injected,
        }

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> Quantisation:
        """The inverse of :meth:`plain`; format 1 of model.pt calls the scales ``units``; without a chip it is for Lava.

        Raises
        ------
        UserError, AttributeError, KeyError, TypeError, ValueError
            It is anything else.
        """
        stored = content["scales"] if "scales" in content else content["units"]
        scales = {str(name): int(scale) for name, scale in stored.items()}
        injected = int(content["injected"])
        if min(injected, *scales.values()) < 1:
            raise ValueError("its quantisation has a scale that is not positive")
        chip = Chip(content.get("chip", Chip.lava))
        return cls(WeightFormat(int(content["bits"]), int(content["exponents"]), chip), Scales(scales, injected))
