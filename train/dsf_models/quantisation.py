"""What model.pt keeps of a fine-tuning with Loihi's weights, so that an export rounds as training did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuro_runtime.program.weight_format import WeightFormat


@dataclass(frozen=True)
class Units:
    """Integers for 1.0: of the current of each group that weighs its inputs, and of the injected token current."""

    of: dict[str, int]
    injected: int


@dataclass(frozen=True)
class Quantisation:
    """How a model's weights are rounded in its forward pass, and in the program made of it.

    Attributes
    ----------
    units
        Of every neuron group of the program.
    """

    weight_format: WeightFormat
    units: Units

    def plain(self) -> dict[str, Any]:
        """Numbers and names, as a file keeps them."""
        return {
            "bits": self.weight_format.bits,
            "exponents": self.weight_format.exponents,
            "units": dict(self.units.of),
            "injected": self.units.injected,
        }

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> Quantisation:
        """What :meth:`plain` gave.

        Raises
        ------
        UserError, AttributeError, KeyError, TypeError, ValueError
            It is anything else.
        """
        units = {str(name): int(unit) for name, unit in content["units"].items()}
        injected = int(content["injected"])
        if min(injected, *units.values()) < 1:
            raise ValueError("its quantisation has a unit that is not positive")
        return cls(WeightFormat(int(content["bits"]), int(content["exponents"])), Units(units, injected))
