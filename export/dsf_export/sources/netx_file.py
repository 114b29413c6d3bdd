"""netx files (``.net``) of lava-dl: a chain of layers in Loihi's integers, read by h5py.

The numbers are the chip's already: weights and thresholds are mantissas, decays are in 1/4096. So the network counts
one integer for 1.0, and its program is these numbers. The file does not say whether a neuron fires at its threshold:
lava-dl's releases differ, and ``compare=`` is asked for.
"""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_common.hdf5_links import reading_hdf5
from dsf_export.sources.conventions import SourceOptions
from dsf_export.sources.float_network import (
    DelayLayer,
    FloatNetwork,
    InputLayer,
    NetworkNode,
    NeuronLayer,
    OutputLayer,
)
from dsf_export.sources.layers import Affine, Convolution, Flatten, Scale
from dsf_export.sources.limited_hdf5 import LimitedReader
from neuro_runtime.program.kernel import Shape
from neuro_runtime.program.limits import DECAY_ONE

COVERED = ("input", "flatten", "conv", "dense", "dense_rec")
NEURONS = ("CUBA", "LOIHI")
COMPARE = "decision_spikeformer_compare"  # attribute of our own files, which say it
MOST_LAYERS = 1000
ASKED = ("compare", "input", "calibration")  # the options that a netx file leaves open
SAID = {"framework": "lava", "reset": "zero", "multispike": False}  # what every netx file means by itself


def read_netx(path: Path, options: SourceOptions, name: str) -> FloatNetwork:
    """The network of a ``.net`` file.

    Raises
    ------
    UserError
        The file is damaged, a layer is not covered, ``compare`` is not given, or an option is for other files.
    """
    _refuse_what_it_says(options)
    try:
        with reading_hdf5(path) as file:
            told = file.attrs.get(COMPARE)
            compare = options.compare or told
            if compare not in ("gt", "ge"):
                raise UserError(
                    "the file does not say whether a neuron fires at its threshold: lava-dl compared v ≥ threshold in "
                    "older releases and v > threshold since; give compare=ge or compare=gt"
                )
            reader = _ChainReader(LimitedReader(path), compare, "given" if options.compare else "told by the file")
            layers = file["layer"]
            if not 1 <= len(layers) <= MOST_LAYERS:
                raise UserError(f"it has {len(layers)} layers")
            for n in range(len(layers)):
                if str(n) not in layers:
                    raise UserError(f"layer {n} is missing")
                reader.add(n, layers[str(n)])
            return reader.network(name)
    except (OSError, KeyError, RuntimeError, ValueError, AttributeError, TypeError) as problem:
        raise UserError(f"{path} is not a readable netx file: it is damaged or cut short") from problem


def _refuse_what_it_says(options: SourceOptions) -> None:
    """Refuse options that would say otherwise what every netx file says: integers of a chip's neurons and synapses."""
    for option in fields(options):
        value = getattr(options, option.name)
        if value is None or option.name in ASKED or value == SAID.get(option.name):
            continue
        name = "from" if option.name == "framework" else option.name
        raise UserError(f"{name}={value} is not for a netx file, which holds a chip's own integers: leave it out")


class _ChainReader:
    def __init__(self, limited: LimitedReader, compare: str, origin: str) -> None:
        self._limited, self._compare, self._origin = limited, compare, origin
        self._nodes: dict[str, NetworkNode] = {}
        self._sources: dict[str, tuple[str, ...]] = {}
        self._shapes: dict[str, Shape] = {}
        self._looping: set[tuple[str, str]] = set()
        self._notes: list[str] = []
        self._last = ""
        self._bias: NDArray[np.float64] | None = None  # that the neurons to come add to v

    def network(self, name: str) -> FloatNetwork:
        self._append("output", OutputLayer(self._shapes[self._last]), self._shapes[self._last])
        return FloatNetwork(
            name=name,
            nodes=self._nodes,
            sources=self._sources,
            looping=frozenset(self._looping),
            shapes=self._shapes,
            dtype=torch.float64,
            notes=tuple(self._notes),
            origin={
                "compare": f"{self._compare} ({self._origin})",
                "reset": "zero (netx knows no other)",
                "dt": "1.0 (in time steps)",
            },
            is_integer=True,
        )

    def add(self, n: int, group: Any) -> None:
        """One layer: its synapses, then its neurons."""
        if not isinstance(group, h5py.Group):
            raise UserError(f"layer {n} is no layer")
        kind = self._limited.text(group["type"], f"layer {n}/type")
        if kind not in COVERED:
            what = "sigma-delta networks are not covered" if kind.lower().startswith("sdnn") else "it is not covered"
            raise UserError(f"layer {n} is a {kind}: {what}; covered are {', '.join(COVERED)}")
        if not self._nodes:
            shape = self._shape(n, group) if kind == "input" else self._shape_of_weights(n, kind, group)
            self._nodes["input"], self._shapes["input"], self._sources["input"] = InputLayer(shape), shape, ()
            self._last = "input"
        elif kind == "input":
            raise UserError(f"layer {n} is an input behind other layers")
        self._synapses(n, kind, group)
        if "neuron" in group:
            self._neurons(n, kind, group)
        elif kind in ("conv", "dense", "dense_rec"):
            self._notes.append(f"layer {n} has no neurons: it is read as membranes")

    def _synapses(self, n: int, kind: str, group: Any) -> None:
        shape = self._shapes[self._last]
        match kind:
            case "input":
                if "weight" not in group and "bias" not in group:
                    return
                gain = self._numbers(group, "weight", np.ones(1))
                weight = np.broadcast_to(gain.reshape(-1, *(1,) * (len(shape) - 1)) if gain.size > 1 else gain, shape)
                self._append(f"{n}.weight", Scale(torch.as_tensor(weight.copy())), shape)
                if "bias" in group:
                    self._bias = np.broadcast_to(self._numbers(group, "bias", np.zeros(1)), shape).copy()
            case "flatten":
                self._append(f"{n}.flatten", Flatten(0, len(shape) - 1), (math.prod(shape),))
            case "conv":
                self._convolution(n, group, shape)
            case _:
                self._dense(n, kind, group, shape)

    def _convolution(self, n: int, group: Any, shape: Shape) -> None:
        weight = self._numbers(group, "weight")
        if weight.ndim == 5 and weight.shape[4] == 1:
            weight = weight[..., 0]
        if weight.ndim != 4:
            raise UserError(f"layer {n} has a kernel of shape {weight.shape}")
        stride, padding, dilation = (self._pair(group, key) for key in ("stride", "padding", "dilation"))
        groups = int(self._numbers(group, "groups", np.ones(1)).reshape(-1)[0])
        layer = Convolution(torch.as_tensor(weight), None, stride, padding, dilation, groups)
        self._append(f"{n}.conv", layer, layer.shape_after(shape))
        self._delay(n, group)
        self._add_bias(n, group)

    def _dense(self, n: int, kind: str, group: Any, shape: Shape) -> None:
        weight = self._numbers(group, "weight")
        if weight.ndim == 1:
            self._notes.append(f"layer {n} has weights of shape {weight.shape}: read as one row")
            weight = weight[None]
        if weight.ndim > 2:
            weight = weight.reshape(weight.shape[0], -1)
        if len(shape) > 1:
            self._append(f"{n}.flat", Flatten(0, len(shape) - 1), (math.prod(shape),))
        layer = Affine(torch.as_tensor(weight), None)
        self._append(f"{n}.dense", layer, layer.shape_after(self._shapes[self._last]))
        self._delay(n, group)
        self._add_bias(n, group)

    def _add_bias(self, n: int, group: Any) -> None:
        """The bias of a layer's neurons, which a chip adds to v: one for all, or one a channel."""
        if "bias" not in group:
            return
        bias, shape = self._numbers(group, "bias").reshape(-1), self._shapes[self._last]
        if bias.size not in (1, shape[0]):
            raise UserError(f"layer {n} has {bias.size} biases for {shape[0]} channels or neurons")
        if "neuron" not in group and bias.any():
            raise UserError(f"layer {n} has a bias and no neurons that would add it to v")
        self._bias = np.broadcast_to(bias.reshape(-1, *(1,) * (len(shape) - 1)), shape).copy()

    def _delay(self, n: int, group: Any) -> None:
        """Delays of a layer's outputs, one a neuron or one for all."""
        if "delay" not in group:
            return
        delay = self._numbers(group, "delay").reshape(-1)
        shape = self._shapes[self._last]
        if delay.size not in (1, math.prod(shape)) or (delay < 0).any() or (delay != np.rint(delay)).any():
            raise UserError(f"layer {n} has delays of shape {delay.shape} that are no whole number of steps a neuron")
        if delay.any():
            steps = np.broadcast_to(delay if delay.size > 1 else delay.reshape(-1), (math.prod(shape),)).reshape(shape)
            self._append(f"{n}.delay", DelayLayer(shape, steps.astype(np.int64)), shape)

    def _neurons(self, n: int, kind: str, group: Any) -> None:
        neuron, shape = group["neuron"], self._shapes[self._last]
        given = self._limited.text(neuron["type"], f"layer {n}/neuron/type")
        if given not in NEURONS:
            what = "sigma-delta neurons are not covered" if "SDNN" in given.upper() else "it is not covered"
            raise UserError(f"layer {n} has neurons of type {given}: {what}; covered are {', '.join(NEURONS)}")
        numbers = {key: self._whole(neuron, key, n) for key in ("iDecay", "vDecay", "vThMant")}
        for key in ("iDecay", "vDecay"):
            if not 0 <= numbers[key] <= DECAY_ONE:
                raise UserError(f"layer {n} has {key}={numbers[key]}, outside 0 … {DECAY_ONE}")
        if "refDelay" in neuron and self._whole(neuron, "refDelay", n) != 1:
            raise UserError(f"layer {n} has a refractory delay of {self._whole(neuron, 'refDelay', n)}; 1 is covered")
        if "gradedSpike" in neuron and bool(self._numbers(neuron, "gradedSpike").any()):
            raise UserError(f"layer {n} sends graded spikes, which are not covered")
        exponent = self._whole(neuron, "wgtExp", n) if "wgtExp" in neuron else 0
        bias = np.zeros(shape) if self._bias is None else self._bias
        self._bias = None
        feedback = f"{n}.feedback" if kind == "dense_rec" else None

        def full(value: float) -> torch.Tensor:
            return torch.full(shape, float(value), dtype=torch.float64)

        layer = NeuronLayer(
            shape=shape,
            keep_current=full(1 - numbers["iDecay"] / DECAY_ONE),
            keep_voltage=full(1 - numbers["vDecay"] / DECAY_ONE),
            gain=full(2.0**exponent),
            bias=torch.as_tensor(bias) * 2.0**exponent,
            threshold=full(numbers["vThMant"]),
            fires=True,
            reset="zero",
            at_threshold=self._compare == "ge",
        )
        name = f"layer{n}"
        if feedback is not None:
            weight = self._numbers(group, "weight_rec")
            self._nodes[feedback] = Affine(torch.as_tensor(weight), None)
            self._shapes[feedback], self._sources[feedback] = shape, (name,)
            self._looping.add((name, feedback))
        before = self._last
        self._append(name, layer, shape)
        if feedback is not None:
            self._sources[name] = tuple(sorted((before, feedback)))

    def _append(self, name: str, node: NetworkNode, shape: Shape) -> None:
        self._nodes[name], self._shapes[name], self._sources[name] = node, shape, (self._last,)
        self._last = name

    def _shape(self, n: int, group: Any) -> Shape:
        shape = tuple(int(length) for length in self._numbers(group, "shape").reshape(-1))
        if not shape or min(shape) < 1 or math.prod(shape) > 10**7:
            raise UserError(f"layer {n} has the shape {shape}")
        return shape

    def _shape_of_weights(self, n: int, kind: str, group: Any) -> Shape:
        if kind in ("dense", "dense_rec"):
            weight = self._numbers(group, "weight")
            return (int(np.prod(weight.shape[1:])) if weight.ndim > 1 else len(weight),)
        raise UserError(f"layer {n}, the first, is a {kind}, which does not say the shape of its input")

    def _pair(self, group: Any, key: str) -> Shape:
        """A kernel's stride, padding or dilation in space; one in time does nothing."""
        least = 0 if key == "padding" else 1
        values = [int(number) for number in self._numbers(group, key, np.full(2, least)).reshape(-1)]
        pair, in_time = tuple(values[:2] if len(values) > 1 else values * 2), values[2:]
        if any(number != least for number in in_time):
            raise UserError(f"a convolution over time ({key} {values}) is not covered")
        if min(pair) < least or max(pair) > 10**6:
            raise UserError(f"{key} {values} has no meaning")
        return pair

    def _whole(self, group: Any, key: str, n: int) -> int:
        value = float(self._numbers(group, key).reshape(-1)[0])
        if not value.is_integer():
            raise UserError(f"layer {n} has {key}={value}, not a whole number")
        return int(value)

    def _numbers(self, group: Any, key: str, default: NDArray[Any] | None = None) -> NDArray[np.float64]:
        if key not in group:
            if default is None:
                raise UserError(f"a layer has no {key}")
            return default.astype(np.float64)
        values = self._limited.array(group[key], key).astype(np.float64)
        return np.trunc(values) if key.startswith("weight") or key == "bias" else values
