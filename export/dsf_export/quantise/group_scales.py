"""The scale of each neuron group: how many spikes it gets wrong, and whether it can overflow.

All connections into a group share its scale, as their currents add up, and its threshold is ``scale`` times the float
one. A scale is safe if no 24-bit state can overflow even with every synapse of one sign active at once. Its wrong
spikes are counted on recorded activity: weights, bias and threshold are rounded as they will be, and the group is run
in Loihi's integers on the float program's input spikes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dsf_common.errors import UserError
from dsf_export.quantise.calibration import Integers, LayerCalibration, integer_currents, integer_spikes, real_currents
from dsf_export.quantise.parameter_rounding import integer_connections, integer_lif
from dsf_export.quantise.scale_search import LARGEST_CURRENT, search_scales
from dsf_models.quantisation import Quantisation, Scales
from neuro_runtime.program.headroom import headroom, largest_current
from neuro_runtime.program.limits import LARGEST_EXPONENT, LARGEST_THRESHOLD
from neuro_runtime.program.nodes import Accumulator, Injection, Lif
from neuro_runtime.program.program import Program
from neuro_runtime.program.weight_format import WeightFormat


def choose_scales(
    program: Program, calibrations: Mapping[str, LayerCalibration], weight_format: WeightFormat
) -> Scales:
    """The scales of a float program's groups.

    Parameters
    ----------
    calibrations
        One for each LIF group and the accumulator, as recorded while ``program`` ran.

    Raises
    ------
    UserError
        A group's currents, added up, span more than 24 bits hold.
    """
    nodes = [node for node in program.nodes if node.scaled]
    return search_scales([_Group(program, node, calibrations[node.name], weight_format) for node in nodes])


def trained_scales(program: Program, trained: Quantisation, weight_format: WeightFormat) -> Scales:
    """The scales that training rounded a float program's weights by, which may have grown since it chose them.

    Raises
    ------
    UserError
        They are not this program's, or a group could overflow by them.
    """
    nodes = [node for node in program.nodes if node.scaled]
    if set(trained.scales.of) != {node.name for node in nodes}:
        raise UserError("the model's quantisation names other neuron groups than it has; train it again.")
    for node in nodes:
        alone = _alone(program, node, trained.scales.of[node.name], trained.scales.injected, weight_format)
        if not _is_safe(alone):
            raise UserError(
                f"{node.name} could overflow: its weights have grown too large for the scale that training with "
                "quantise=true began with; go on from this model with quantise=true, which chooses anew."
            )
    return trained.scales


class _Group:
    """A neuron group on its calibration, as the search sees it."""

    def __init__(
        self, program: Program, node: Lif | Accumulator, calibration: LayerCalibration, weight_format: WeightFormat
    ) -> None:
        self.node = node
        self.name = node.name
        self.takes_token = any(isinstance(item, Injection) for item in program.connections_into(node.name))
        self._program = program
        self._calibration = calibration
        self._format = weight_format
        self._last: tuple[tuple[int, int], Program] | None = None
        self._currents = real_currents(calibration, program.connections_into(node.name))
        self.worst = largest_current(program, node)
        self.limit = min(LARGEST_THRESHOLD, int(LARGEST_CURRENT / self.worst) if self.worst else LARGEST_THRESHOLD)

    def wrong_spikes(self, scale: int, injected: int) -> int:
        """The spikes over the recording that its integers get wrong; an accumulator has none."""
        if isinstance(self.node, Accumulator):
            return 0
        spikes = integer_spikes(self._integer_currents(scale, injected), integer_lif(self.node, scale))
        return int(np.count_nonzero(spikes != self._calibration.fired))

    def current_error(self, scale: int, injected: int) -> float:
        """The squared error of its current in real units, over the recording."""
        error = self._integer_currents(scale, injected) / scale - self._currents
        if isinstance(self.node, Accumulator):  # only the sum of a decision is ever read
            error = error.sum(axis=1)
        return float((error**2).sum())

    def is_safe(self, scale: int) -> bool:
        """Whether its integers can overflow nothing and have exponents that there are."""
        return _is_safe(self._alone(scale, injected=scale))

    def _integer_currents(self, scale: int, injected: int) -> Integers:
        alone = self._alone(scale, injected)
        return integer_currents(self._calibration, alone.connections, alone.encoder)

    def _alone(self, scale: int, injected: int) -> Program:
        """The last scale's is kept, as the search asks whether a scale is safe and then for its wrong spikes."""
        if self._last is None or self._last[0] != (scale, injected):
            self._last = (scale, injected), _alone(self._program, self.node, scale, injected, self._format)
        return self._last[1]


def _is_safe(alone: Program) -> bool:
    exponents = [connection.exponent for connection in alone.connections]
    return max(exponents, default=0) <= LARGEST_EXPONENT and headroom(alone)[0].bits >= 0


def _alone(
    program: Program, node: Lif | Accumulator, scale: int, injected: int, weight_format: WeightFormat
) -> Program:
    """A group and what ends at it, in integers."""
    integer_node = integer_lif(node, scale) if isinstance(node, Lif) else node
    connections = tuple(
        integer
        for connection in program.connections_into(node.name)
        for integer in integer_connections(program, connection, scale, injected, weight_format)
    )
    encoder = replace(program.encoder, input_scale=float(injected))
    return replace(program, arithmetic="loihi", nodes=(integer_node,), connections=connections, encoder=encoder)
