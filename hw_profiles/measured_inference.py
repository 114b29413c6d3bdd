"""An artificial neural network that a device ran and somebody measured: a total, where other profiles have prices."""

from __future__ import annotations

from pydantic import StrictStr
from pydantic.dataclasses import dataclass

from hw_profiles.figure import STRICT, MacCount, Microjoules, Milliseconds

PICOJOULES = 1e6  # in a microjoule


@dataclass(frozen=True, config=STRICT)
class MeasuredInference:
    """One inference of one network on one device.

    Attributes
    ----------
    workload
        The network.
    macs
        Multiply-accumulates of an inference.
    energy
        Drawn from the device's supply during an inference, whatever drew it.
    time
        Duration of an inference; None where it was not written down.
    """

    workload: StrictStr
    macs: MacCount
    energy: Microjoules
    time: Milliseconds | None = None

    def __post_init__(self) -> None:
        if self.macs.value <= 0:
            raise ValueError("macs must be above 0; a network without multiply-accumulates scales to no other")

    @property
    def pj_per_mac(self) -> float:
        """The whole energy over the multiply-accumulates, in pJ."""
        return self.energy.value * PICOJOULES / self.macs.value
