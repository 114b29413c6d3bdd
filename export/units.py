"""How many integers stand for 1.0 of a neuron group's current: the free choice of post-training quantisation.

All connections into a group share its unit, as their currents add up, and its threshold is ``unit`` times the float
one. Doubling a unit raises every exponent by one and changes next to nothing, so the choice is one octave of units,
the highest that can overflow no 24-bit state even if every synapse of one sign were active at once. In it, the unit
with the fewest wrong spikes on recorded activity is taken: each candidate's weights, bias and threshold are rounded as
they will be, and the group is run in Loihi's integers on the float program's input spikes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from export.drive import LayerDrive, integer_currents, integer_spikes, real_currents
from export.integers import integer_connections, integer_lif
from neuro_runtime.program.headroom import headroom, largest_current
from neuro_runtime.program.nodes import Accumulator, Injection, Lif
from neuro_runtime.program.program import Program
from neuro_runtime.program.validate import LARGEST_THRESHOLD
from neuro_runtime.unit_choice import LARGEST_CURRENT, Cost, Units, best_units
from neuro_runtime.weight_rounding import LARGEST_EXPONENT, WeightFormat

__all__ = ["Units", "choose_units"]


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
    units = {name: best_units([group])[0] for name, group in groups.items() if name not in injected}
    readers = [name for name in groups if name in injected]
    shared = best_units([groups[name] for name in readers])
    units.update(zip(readers, shared, strict=True))
    return Units(units, injected=min(shared))


class _Group:
    """What the choice of a group's unit depends on."""

    def __init__(
        self, program: Program, node: Lif | Accumulator, drive: LayerDrive, weight_format: WeightFormat
    ) -> None:
        self.node = node
        self.name = node.name
        self._program = program
        self._drive = drive
        self._format = weight_format
        self._currents = real_currents(drive, program.connections_into(node.name))
        self.worst = largest_current(program, node)
        self.limit = min(LARGEST_THRESHOLD, int(LARGEST_CURRENT / self.worst) if self.worst else LARGEST_THRESHOLD)

    def cost(self, unit: int, injected: int) -> Cost:
        """Wrong spikes, and the squared error of the current in real units, over the recording."""
        alone = self._alone(unit, injected)
        currents = integer_currents(self._drive, alone.connections, alone.encoder)
        error = currents / unit - self._currents
        if isinstance(self.node, Accumulator):  # only the sum of a decision is ever read
            return Cost(0, float((error.sum(axis=1) ** 2).sum()))
        spikes = integer_spikes(currents, integer_lif(self.node, unit))
        return Cost(int((spikes != self._drive.fired).sum()), float((error**2).sum()))

    def is_safe(self, unit: int) -> bool:
        """Whether its integers can overflow nothing and have exponents that there are."""
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
