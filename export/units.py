"""How many integers stand for 1.0 of a neuron group's current: the free choice of post-training quantisation.

All connections into a group share its unit, as their currents add up, and its threshold is ``unit`` times the float
one. Doubling a unit raises every exponent by one and changes next to nothing, so the choice is one octave of units,
the highest that can overflow no 24-bit state even if every synapse of one sign were active at once. In it, the unit
with the fewest wrong spikes on recorded activity is taken: each candidate's weights, bias and threshold are rounded as
they will be, and the group is run in Loihi's integers on the float program's input spikes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from export.drive import LayerDrive, integer_currents, integer_spikes, real_currents
from export.integers import integer_connections, integer_lif
from hw_profiles.errors import UserError
from neuro_runtime.loihi_arithmetic import CURRENT_SHIFT, STATE_LIMIT
from neuro_runtime.program.headroom import headroom, largest_current
from neuro_runtime.program.nodes import Accumulator, Injection, Lif
from neuro_runtime.program.program import Program
from neuro_runtime.program.validate import LARGEST_THRESHOLD
from neuro_runtime.weight_rounding import LARGEST_EXPONENT, WeightFormat

LARGEST_CURRENT = (STATE_LIMIT - 1) / 2**CURRENT_SHIFT
CANDIDATES = 32
SMALLEST_UNIT = 2


@dataclass(frozen=True)
class Units:
    """Integers for 1.0: of the current of each group that weighs its inputs, and of the injected token current."""

    of: dict[str, int]
    injected: int


def choose_units(program: Program, drives: Mapping[str, LayerDrive], weight_format: WeightFormat) -> Units:
    """The units of a float program's groups.

    Groups that the token is injected into differ by powers of two, since the host sends one integer for all of them.

    Parameters
    ----------
    drives
        Of the LIF groups and the accumulator, as recorded while ``program`` ran.

    Raises
    ------
    UserError
        A group's currents, added up, span more than 24 bits hold.
    """
    groups = {
        node.name: _Group(program, node, drives[node.name], weight_format)
        for node in program.nodes
        if isinstance(node, (Lif, Accumulator))
    }
    injected = {connection.target for connection in program.connections if isinstance(connection, Injection)}
    units = {name: _best([group])[0] for name, group in groups.items() if name not in injected}
    readers = [name for name in groups if name in injected]
    shared = _best([groups[name] for name in readers])
    units.update(zip(readers, shared, strict=True))
    return Units(units, injected=min(shared))


@dataclass(frozen=True, order=True)
class _Cost:
    """What is wrong with a unit; currents decide between units with the same number of wrong spikes."""

    spikes: int
    current: float


class _Group:
    """What the choice of a group's unit depends on."""

    def __init__(
        self, program: Program, node: Lif | Accumulator, drive: LayerDrive, weight_format: WeightFormat
    ) -> None:
        self.node = node
        self._program = program
        self._drive = drive
        self._format = weight_format
        self._currents = real_currents(drive, program.connections_into(node.name))
        self.worst = largest_current(program, node)
        self.limit = min(LARGEST_THRESHOLD, int(LARGEST_CURRENT / self.worst) if self.worst else LARGEST_THRESHOLD)

    def highest(self, base: int) -> int | None:
        """The largest of ``base`` times a power of two that can overflow nothing; none if ``base`` itself can."""
        unit = base << ((self.limit // base).bit_length() - 1) if base <= self.limit else base
        while unit >= base:
            if self._is_safe(unit):
                return unit
            unit //= 2
        return None

    def cost(self, unit: int, injected: int) -> _Cost:
        """Wrong spikes, and the squared error of the current in real units, over the recording."""
        alone = self._alone(unit, injected)
        currents = integer_currents(self._drive, alone.connections, alone.encoder)
        error = currents / unit - self._currents
        if isinstance(self.node, Accumulator):  # only the sum of a decision is ever read
            return _Cost(0, float((error.sum(axis=1) ** 2).sum()))
        spikes = integer_spikes(currents, integer_lif(self.node, unit))
        return _Cost(int((spikes != self._drive.fired).sum()), float((error**2).sum()))

    def _is_safe(self, unit: int) -> bool:
        alone = self._alone(unit, injected=unit)
        exponents = [connection.exponent for connection in alone.connections]
        return max(exponents, default=0) <= LARGEST_EXPONENT and headroom(alone)[0].bits >= 0

    def _alone(self, unit: int, injected: int) -> Program:
        """The group and what ends at it, in integers."""
        node = integer_lif(self.node, unit) if isinstance(self.node, Lif) else self.node
        connections = tuple(
            integer
            for connection in self._program.connections_into(node.name)
            for integer in integer_connections(self._program, connection, unit, injected, self._format)
        )
        encoder = replace(self._program.encoder, input_scale=float(injected))
        return replace(self._program, arithmetic="loihi", nodes=(node,), connections=connections, encoder=encoder)


def _best(groups: Sequence[_Group]) -> list[int]:
    """Units of groups that must differ by powers of two, with the least summed cost."""
    top = min(group.limit for group in groups)
    while top >= SMALLEST_UNIT:
        bases = np.unique(np.linspace(top, top / 2, CANDIDATES, endpoint=False).astype(int))
        choices = [units for base in bases if (units := _units(groups, int(base))) is not None]
        if choices:
            return min(choices, key=lambda units: _summed(groups, units))
        top //= 2
    widest = max(groups, key=lambda group: group.worst)
    raise UserError(
        f"{widest.node.name} adds up currents of as much as {widest.worst:.3g} thresholds, too much for Loihi's 24-bit "
        f"state (limit {LARGEST_CURRENT / SMALLEST_UNIT:.0f}); train with a larger weight_decay."
    )


def _units(groups: Sequence[_Group], base: int) -> list[int] | None:
    units = [group.highest(base) for group in groups]
    return None if None in units else [unit for unit in units if unit is not None]


def _summed(groups: Sequence[_Group], units: Sequence[int]) -> _Cost:
    costs = [group.cost(unit, min(units)) for group, unit in zip(groups, units, strict=True)]
    return _Cost(sum(cost.spikes for cost in costs), sum(cost.current for cost in costs))
