"""A profile's answers for a run, and the ANN baselines beside them."""

from __future__ import annotations

from dataclasses import dataclass

from hw_profiles.network import ContextLayout
from hw_profiles.report.document.arithmetic import ArithmeticAnswer
from hw_profiles.report.document.costs import EnergyAccount, TimeAccount
from hw_profiles.report.document.placement import Placement
from hw_profiles.report.document.ranges import Band

PRICED = "ANN, by prices"  # of arithmetic and memory: neither static power nor a host is inside
MEASURED = "ANN, scaled from measured"  # at a device's supply: everything is inside


@dataclass(frozen=True)
class LayoutAnswer:
    """One profile's answer for one layout of the context; without an account it says in a sentence why not.

    ``verdict`` compares it with the ANN baselines in a sentence, whichever way it comes out.
    """

    name: ContextLayout
    verdict: str
    energy: EnergyAccount | None
    time: TimeAccount | None
    placement: Placement | None
    refusal: str | None


@dataclass(frozen=True)
class ProfileAnswer:
    """A chip or a convention, and what it makes of the run.

    ``arithmetic`` is None where the profile states none, or the run does not say what its program asks of one.
    """

    name: str
    title: str
    kind: str
    about: str
    layouts: tuple[LayoutAnswer, ...]
    arithmetic: ArithmeticAnswer | None = None

    @property
    def first(self) -> LayoutAnswer:
        """The layout that was run."""
        return self.layouts[0]


@dataclass(frozen=True)
class Baseline:
    """The same decision by an ANN.

    Attributes
    ----------
    profile, title, short_title
        The processor or device, what runs on what, and that in few words.
    kind
        :data:`PRICED` or :data:`MEASURED`, how its energy came to be known.
    """

    profile: str
    title: str
    short_title: str
    kind: str
    energy: Band
    not_counted: tuple[str, ...]
