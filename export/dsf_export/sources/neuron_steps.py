"""From what a NIR file says of neurons in continuous time to neurons that step: each kind's equation, Euler's steps.

LIF: ``τ dv/dt = v_leak − v + r·i``, so a step keeps ``1 − dt/τ`` of v and adds ``r·dt/τ`` of what arrives. CubaLIF:
``τ_syn du/dt = −u + w_in·i``, likewise. IF: ``dv/dt = r·i``. Frameworks that step by the exact solution keep
``exp(−dt/τ)`` instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsf_common.errors import UserError
from dsf_export.sources.conventions import Conventions
from dsf_export.sources.float_network import NeuronLayer, ResetRule
from dsf_export.sources.source_graph import SourceNode
from neuro_runtime.program.kernel import Shape

Array = NDArray[np.float64]
NEURONS = ("LIF", "IF", "LI", "CubaLIF", "CubaLI", "Threshold")
_ONE = 2e-7  # float32 parameters whose quotient is 1 in float64 up to this


def neuron_layer(node: SourceNode, shape: Shape, conventions: Conventions, feeds_itself: bool) -> NeuronLayer:
    """The neurons of a node of one of the kinds `NEURONS`.

    Parameters
    ----------
    shape
        Of what reaches them.
    feeds_itself
        Whether their spikes come back to them.

    Raises
    ------
    UserError
        A parameter has no meaning in time steps, or another size than what reaches the node.
    """
    sizes = [value.shape for value in node.parameters.values() if value.size > 1]
    if sizes and math.prod(sizes[0]) != math.prod(shape):
        raise UserError(f"its parameters have the shape {sizes[0]}, and {list(shape)} reaches it")
    parameters = _Parameters(node, shape)
    step, threshold = _from_reset(node.kind, _step(node.kind, parameters, conventions), parameters, conventions)
    fires, has_reset = node.kind not in ("LI", "CubaLI"), node.kind != "Threshold"
    if fires and (threshold <= 0).any():
        raise UserError(f"its threshold {threshold.min():g} is not above its reset")
    return NeuronLayer(
        shape=shape,
        keep_current=_rounded(step.keep_current),
        keep_voltage=_rounded(step.keep),
        gain=_rounded(step.gain),
        bias=_rounded(step.leak),
        threshold=_rounded(threshold),
        fires=fires,
        reset=_reset_rule(node.kind, conventions, feeds_itself) if fires else "zero",
        at_threshold=conventions.compare == "ge" and has_reset,
        multispike=conventions.multispike and fires and has_reset,
        gain_in=_rounded(step.gain_in),
    )


def full_parameter(value: NDArray[Any], shape: Shape) -> Array:
    """A parameter in its layer's shape, where it may be a single number.

    Raises
    ------
    UserError
        It has another size.
    """
    plain = np.asarray(value, dtype=np.float64)
    if plain.size == 1:
        return np.full(shape, plain.reshape(-1)[0])
    if plain.size != math.prod(shape):
        raise UserError(f"a parameter of shape {plain.shape} beside an input of {list(shape)}")
    return plain.reshape(shape)


class _Parameters:
    """A node's parameters, each in the layer's shape."""

    def __init__(self, node: SourceNode, shape: Shape) -> None:
        self._given = node.parameters
        self._shape = shape

    def of(self, name: str, default: float = 0.0) -> Array:
        """The parameter called ``name``, or the ``default`` where the node has none."""
        return full_parameter(self._given[name], self._shape) if name in self._given else self.all(default)

    def all(self, value: float) -> Array:
        """One value for all neurons."""
        return np.full(self._shape, value)


@dataclass(frozen=True, eq=False)
class _Step:
    """``u ← keep_current·u + gain_in·a``;  ``v ← keep·v + gain·u + leak``; all of the layer's shape."""

    keep: Array
    gain: Array
    leak: Array
    keep_current: Array
    gain_in: Array


def _step(kind: str, parameters: _Parameters, conventions: Conventions) -> _Step:
    none, whole = parameters.all(0.0), parameters.all(1.0)
    match kind:
        case "Threshold":
            return _Step(none, whole, none, none, whole)
        case "IF":
            gain = whole if conventions.stepping.whole_integral else parameters.of("r", 1.0) * conventions.dt
            return _Step(whole, gain, none, none, whole)
        case "LIF" | "LI":
            return _leaky(parameters, "tau", conventions)
        case _:
            tau_syn = parameters.of("tau_syn")
            keep_current = _kept(tau_syn, conventions)
            gain_in = _near_one(parameters.of("w_in", 1.0) * conventions.dt / tau_syn)
            if conventions.stepping.decays_input:
                gain_in = keep_current
            if conventions.stepping.whole_current:
                gain_in = whole
            leaky = _leaky(parameters, "tau_mem", conventions)
            return replace(leaky, keep_current=keep_current, gain_in=gain_in)


def _leaky(parameters: _Parameters, tau_name: str, conventions: Conventions) -> _Step:
    """The step of a membrane without a synaptic current."""
    tau = parameters.of(tau_name)
    keep = _kept(tau, conventions)
    gain = _gain(parameters.of("r", 1.0) * conventions.dt / tau, keep, conventions)
    return _Step(keep, gain, (1 - keep) * parameters.of("v_leak"), parameters.all(0.0), parameters.all(1.0))


def _from_reset(kind: str, step: _Step, parameters: _Parameters, conventions: Conventions) -> tuple[_Step, Array]:
    """The step and the threshold of v as it is counted from v_reset."""
    reset = parameters.of("v_reset")
    threshold = parameters.of("threshold" if kind == "Threshold" else "v_threshold", 1.0)
    if not (reset != 0).any():
        return step, threshold
    if not conventions.stepping.at_rest:
        raise UserError(
            f"v_reset is {reset.max():g} and the file does not say at which v a sample begins; "
            "from=spikingjelly begins at v_reset"
        )
    return replace(step, leak=step.leak - (1 - step.keep) * reset), threshold - reset


def _reset_rule(kind: str, conventions: Conventions, feeds_itself: bool) -> ResetRule:
    if conventions.reset == "subtract" and kind != "Threshold":
        return "subtract late" if conventions.stepping.late_subtract else "subtract"
    if conventions.reset == "zero" and conventions.stepping.late_zero and (kind == "CubaLIF" or feeds_itself):
        return "zero late"
    return "zero"


def _kept(tau: Array, conventions: Conventions) -> Array:
    """The share of a state that a step leaves."""
    if not np.isfinite(tau).all():
        raise UserError("a time constant is infinite: such neurons never decay; write an IF, or give a finite one")
    if (tau <= 0).any():
        raise UserError(f"a time constant of {tau.min():g} is not positive")
    dt = conventions.dt
    if (tau < dt * (1 - 1e-6)).any():
        raise UserError(f"a time constant of {tau.min():g} is below the time step dt={dt:g}")
    return np.exp(-dt / tau) if conventions.stepping.exponential else np.maximum(1 - dt / tau, 0)


def _gain(by_file: Array, kept: Array, conventions: Conventions) -> Array:
    """The share of an input that a step adds to v."""
    if conventions.stepping.decays_input:
        return np.ones_like(kept)
    if conventions.framework != "sinabs":
        return _near_one(by_file)
    if conventions.norm_input is None:
        known = (
            "the file is sinabs's" if conventions.origin["framework"] == "given" else "its numbers look like sinabs's"
        )
        raise UserError(
            f"{known}, which writes neurons that scale their input by 1 − decay and such that do not alike: give "
            "norm_input=true or norm_input=false"
        )
    return 1 - kept if conventions.norm_input else np.ones_like(kept)


def _near_one(value: Array) -> Array:
    """A quotient of float32 numbers that stands for 1 is 1."""
    return np.where(np.abs(value - 1) < _ONE, 1.0, value)


def _rounded(value: Array) -> Tensor:
    """Through float32, which the writers compute in: 1 − dt/τ of a float32 τ is then the share that they had."""
    return torch.as_tensor(value.astype(np.float32).astype(np.float64))
