"""The scale of each neuron group: how many spikes it gets wrong, and whether it keeps to the chip's limits.

All connections into a group share its scale, as their currents add up, and its threshold is ``scale`` times the float
one. Its wrong spikes are counted on recorded activity: weights, bias and threshold are rounded as they will be, and the
group is run in Loihi's integers on the float program's input spikes.

A scale is safe if no 24-bit state can overflow even with every synapse of one sign active at once. In the portable
subset, what the host injects must fit a bias by the same bound, and what synapses bring in a time step has a limit of
its own. That too is kept by the bound where this costs no agreement. Elsewhere it is kept on the recorded activity,
with a margin: the largest arrival is then **observed**, not proven.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Literal, TypeVar

import numpy as np

from dsf_common.errors import UserError
from dsf_export.quantise.calibration import Integers, LayerCalibration, integer_currents, integer_spikes, real_currents
from dsf_export.quantise.exact_groups import exact_scales
from dsf_export.quantise.parameter_rounding import integer_connections, integer_lif
from dsf_export.quantise.reach import reach_of_neurons
from dsf_export.quantise.scale_search import LARGEST_CURRENT, best_scales, largest_multiple, search_scales
from dsf_models.quantisation import Quantisation, Scales
from neuro_runtime.program.active_time_steps import ActiveTimeSteps, active_time_steps
from neuro_runtime.program.headroom import headroom, largest_arrival, largest_current, largest_injection
from neuro_runtime.program.limits import ARRIVAL_LIMIT, LARGEST_EVEN_BIAS, LARGEST_EXPONENT, LARGEST_THRESHOLD
from neuro_runtime.program.nodes import Accumulator, Injection, Lif, Node
from neuro_runtime.program.portable import departures_of
from neuro_runtime.program.program import Program
from neuro_runtime.program.weight_format import WeightFormat

ArrivalEvidence = Literal["bound", "observed"]
N = TypeVar("N", bound=Node)

OBSERVED_MARGIN = 2  # times the largest observed arrival that must stay inside where the bound does not
# The share of a group's (neuron, time step)s that a proof of its largest arrival may get wrong beyond an observation.
COST_OF_PROOF = 5e-4
FINE = 512  # integers to a threshold; with as many, a proof costs nothing that one can measure


def choose_scales(
    program: Program, calibrations: Mapping[str, LayerCalibration], weight_format: WeightFormat
) -> Scales:
    """The scales of a float program's groups; those of groups that count are not searched.

    Parameters
    ----------
    calibrations
        One for each other LIF group and the accumulator, as recorded while ``program`` ran.

    Raises
    ------
    UserError
        A group's currents, added up, span more than the chip holds.
    """
    steps = time_steps(program)
    exact = exact_scales(program)
    nodes = [node for node in program.nodes if node.scaled and node.name not in exact]
    groups = [ScaledGroup(program, node, calibrations[node.name], weight_format, steps) for node in nodes]
    searched = search_scales([group.with_cheapest_evidence() for group in groups])
    return Scales({**searched.of, **exact}, searched.injected)


def trained_scales(program: Program, trained: Quantisation, weight_format: WeightFormat) -> Scales:
    """The scales that training rounded a float program's weights by, halved where weights have outgrown them since.

    Half a scale lowers every exponent of a group by one, which changes no weight that has an exponent left. The groups
    that read the token stay powers of two apart, so where the least of an odd scale is halved, the others give way.

    Raises
    ------
    UserError
        They are not this program's, or a group could overflow by every fraction of its scale.
    """
    exact = exact_scales(program)
    nodes = [node for node in program.nodes if node.scaled and node.name not in exact]
    if set(trained.scales.of) != {node.name for node in nodes}:
        raise UserError("the model's quantisation names other neuron groups than it has; train it again.")
    steps = time_steps(program)
    of, injected = dict(trained.scales.of), trained.scales.injected
    readers = [node.name for node in nodes if _takes_token(program, node)]

    def is_safe(node: Lif | Accumulator) -> bool:
        if of[node.name] > _ratio(LARGEST_CURRENT, largest_current(program, node)):
            return False
        return _is_safe(_alone(program, node, of[node.name], injected, weight_format), weight_format, steps, "observed")

    while unsafe := next((node for node in nodes if not is_safe(node)), None):
        of[unsafe.name] //= 2
        if not of[unsafe.name]:
            raise UserError(
                f"{unsafe.name} could overflow by any scale: its weights have grown too large since training with "
                "quantise=true began; go on from this model with quantise=true, which chooses scales anew."
            )
        if unsafe.name in readers:
            injected = min(of[name] for name in readers)
            of |= {name: largest_multiple(injected, of[name]) for name in readers}
    return Scales({**of, **exact}, injected)


class ScaledGroup:
    """A neuron group on its calibration, as the search sees it."""

    def __init__(
        self,
        program: Program,
        node: Lif | Accumulator,
        calibration: LayerCalibration,
        weight_format: WeightFormat,
        steps: ActiveTimeSteps,
    ) -> None:
        self.node = node
        self.name = node.name
        connections = program.connections_into(node.name)
        self.takes_token = _takes_token(program, node)
        self.worst = largest_current(program, node)
        self.widest_neuron = int(reach_of_neurons(program, node.name).argmax())
        self.compared = calibration.fired.size
        self._program = program
        self._calibration = calibration
        self._format = weight_format
        self._steps = steps
        self._evidence: ArrivalEvidence = "bound"
        self._last: tuple[tuple[int, int], Program] | None = None
        self._wrong: dict[tuple[int, int], int] = {}  # by scale and that of the token
        self._safe: dict[tuple[int, int], bool] = {}
        self._currents = real_currents(calibration, connections)
        self._largest_seen = _largest_seen(calibration, program)
        self.limit = self._limit()

    def with_cheapest_evidence(self) -> ScaledGroup:
        """Itself, its arrival proven, unless that costs agreement beside itself with an arrival that is observed."""
        if not self._format.chip.is_portable or self.limit >= FINE:
            return self
        observed = copy(self)
        observed._evidence, observed._safe = "observed", {}
        observed.limit = observed._limit()
        if observed.limit <= self.limit:
            return self
        saved = self.best_alone()[1] - observed.best_alone()[1]
        return self if saved <= COST_OF_PROOF * self.compared else observed

    def best_alone(self) -> tuple[int, float]:
        """Its best scale, were it alone, and the wrong spikes of that; 0 and infinitely many where there is none."""
        try:
            (scale,) = best_scales([self])
        except UserError:
            return 0, math.inf
        return scale, self.wrong_spikes(scale, scale)

    def wrong_spikes(self, scale: int, injected: int) -> int:
        """The spikes over the recording that its integers get wrong; an accumulator has none."""
        if isinstance(self.node, Accumulator):
            return 0
        key = scale, injected
        if key not in self._wrong:
            spikes = integer_spikes(self._integer_currents(scale, injected), integer_lif(self.node, scale))
            self._wrong[key] = int(np.count_nonzero(spikes != self._calibration.fired))
        return self._wrong[key]

    def current_error(self, scale: int, injected: int) -> float:
        """The squared error of its current in real units, over the recording."""
        error = self._integer_currents(scale, injected) / scale - self._currents
        if isinstance(self.node, Accumulator):  # only the sum of a decision is ever read
            error = error.sum(axis=1)
        return float((error**2).sum())

    def is_safe(self, scale: int, injected: int) -> bool:
        """Whether its integers can exceed nothing and have exponents that there are."""
        key = scale, injected
        if key not in self._safe:
            seen = OBSERVED_MARGIN * self._largest_seen * scale if self._evidence == "observed" else 0
            self._safe[key] = seen < ARRIVAL_LIMIT and _is_safe(
                self._alone(scale, injected), self._format, self._steps, self._evidence
            )
        return self._safe[key]

    def _limit(self) -> int:
        """No scale above this is safe, as far as the real weights tell."""
        limits = [LARGEST_THRESHOLD, _ratio(LARGEST_CURRENT, self.worst)]
        if self._format.chip.is_portable:
            seen, token = OBSERVED_MARGIN * self._largest_seen, float(self._program.encoder.largest_current.max())
            bound = largest_arrival(self._program, _with_integer_decays(self.node), token)
            limits.append(_ratio(ARRIVAL_LIMIT, seen if self._evidence == "observed" else bound))
            limits.append(_ratio(LARGEST_EVEN_BIAS, largest_injection(self._program, self.node, token)))
        return int(min(limits))

    def _integer_currents(self, scale: int, injected: int) -> Integers:
        alone = self._alone(scale, injected)
        return integer_currents(self._calibration, alone.connections, alone.encoder)

    def _alone(self, scale: int, injected: int) -> Program:
        """The last scale's is kept, as the search asks whether a scale is safe and then for its wrong spikes."""
        if self._last is None or self._last[0] != (scale, injected):
            self._last = (scale, injected), _alone(self._program, self.node, scale, injected, self._format)
        return self._last[1]


def _takes_token(program: Program, node: Node) -> bool:
    return any(isinstance(item, Injection) for item in program.connections_into(node.name))


def _ratio(limit: float, value: float) -> float:
    return limit / value if value else LARGEST_THRESHOLD


def _largest_seen(calibration: LayerCalibration, program: Program) -> float:
    """The largest that synapses brought a neuron in a time step of the recording, in real units."""
    synapses = [item for item in program.connections_into(calibration.node.name) if item.weighted]
    return float(np.abs(real_currents(calibration, synapses)).max(initial=0.0))


def _is_safe(alone: Program, weight_format: WeightFormat, steps: ActiveTimeSteps, evidence: ArrivalEvidence) -> bool:
    exponents = [connection.exponent for connection in alone.connections]
    if max(exponents, default=0) > LARGEST_EXPONENT or headroom(alone)[0].bits < 0:
        return False
    if not weight_format.chip.is_portable:
        return True
    (node,) = alone.neurons
    outside = departures_of(alone, node, steps)
    return all(evidence == "observed" and departure.quantity == "arrival" for departure in outside)


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


def time_steps(program: Program) -> ActiveTimeSteps:
    """When each node can be reached and can emit once its decays are integers; weights and thresholds do not matter."""
    nodes = tuple(_with_integer_decays(node) for node in program.nodes)
    return active_time_steps(replace(program, arithmetic="loihi", nodes=nodes))


def _with_integer_decays(node: N) -> N | Lif:
    return integer_lif(node, 1) if isinstance(node, Lif) else node
