"""netx (``.net``) of lava-dl: a program that is a chain of layers, one matrix of 8-bit weights each.

A layer is ``W s + b`` into CUBA neurons that reset to 0; ``dense_rec`` feeds itself as well, and lava-dl reads both of
its matrices in one 8-bit format. A node that a chain cannot hold is refused by its name: a second source or reader,
weights beyond 8 bits, which lava-dl clips or loses, or a sum of several connections, delays of synapses, a bias beside
a synaptic current (netx adds it to v), membranes that are read, currents of the host. A sample is flat in such a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import GateFailed, UserError
from dsf_common.files import atomic_write
from dsf_export.sources.conventions import SourceOptions
from dsf_export.sources.lower_network import lower_network
from dsf_export.sources.netx_file import COMPARE, read_netx
from dsf_export.sources.quantise_network import as_it_is, sum_of_terms
from neuro_runtime.program import Program
from neuro_runtime.program.decay import current_loss
from neuro_runtime.program.limits import CURRENT_DECAY_OFFSET, DECAY_ONE, LARGEST_WEIGHT, SMALLEST_WEIGHT
from neuro_runtime.program.nodes import BiasLine, Dense, Lif, Sparse, SpikeInput
from neuro_runtime.program.sample import SampleProgram

Weights = NDArray[np.int64]

LARGEST_NETX_WEIGHT = LARGEST_WEIGHT // 2
"""Up to it, lava-dl reads odd weights in any layer; larger ones go in steps of 2, which is no finer."""


@dataclass(frozen=True, eq=False)
class ChainLayer:
    """One layer: synapses, then neurons.

    Attributes
    ----------
    weight
        (neurons, sources).
    feedback
        Of its own spikes, (neurons, neurons), all 0 where it has none.
    bias
        Added to v in every time step, (neurons,), in weight units.
    """

    name: str
    weight: Weights
    feedback: Weights
    bias: Weights
    current_decay: int
    voltage_decay: int
    threshold: int
    at_threshold: bool

    def is_like(self, other: ChainLayer) -> bool:
        """Whether both are the same layer, whatever they are called."""
        arrays = ((self.weight, other.weight), (self.feedback, other.feedback), (self.bias, other.bias))
        return self._numbers == other._numbers and all(np.array_equal(one, two) for one, two in arrays)

    @property
    def _numbers(self) -> tuple[int, ...]:
        return self.current_decay, self.voltage_decay, self.threshold, self.at_threshold


def write_netx(program: SampleProgram, path: Path) -> None:
    """Write a chain, and read it back.

    Raises
    ------
    UserError
        The program is no chain; the node that does not fit.
    GateFailed
        What is read back is another chain.
    """
    layers = chain_of(program)
    with atomic_write(path) as temporary:
        _write(layers, temporary)
        read = chain_of(_program_of(temporary))
        if len(read) != len(layers) or not all(one.is_like(two) for one, two in zip(layers, read, strict=True)):
            raise GateFailed("the netx file as written gives another network when it is read; none is left")


def chain_of(program: SampleProgram) -> list[ChainLayer]:
    """The layers of a program in Loihi's integers, from its input to its output.

    Raises
    ------
    UserError
        A node does not fit into a chain.
    """
    for node in program.nodes:
        if not isinstance(node, SpikeInput | BiasLine | Lif):
            raise UserError(f"{node.name} is a {type(node).__name__}, which netx has no layer for: {_WHY}")
    reached = next(node.name for node in program.nodes if isinstance(node, SpikeInput))
    layers: list[ChainLayer] = []
    waiting = {node.name: node for node in program.nodes if isinstance(node, Lif)}
    while waiting:
        following = [name for name in waiting if any(each.source == reached for each in _into(program, name))]
        if len(following) != 1:
            raise UserError(f"{reached} is read by {', '.join(following) or 'nothing'}, and a chain has one: {_WHY}")
        layers.append(_layer(program, waiting.pop(following[0]), reached))
        reached = following[0]
    outputs = [output.node for output in program.outputs]
    if outputs != [reached] or program.outputs[0].quantity != "spikes":
        raise UserError(f"the output is not the spikes of {reached}, the last layer: {_WHY}")
    if len({layer.at_threshold for layer in layers}) > 1:
        raise UserError("some layers fire at their threshold and others above it, and a netx file is read in one way")
    return layers


def write(program: Program, path: Path) -> None:
    """Refuse a policy.

    Raises
    ------
    UserError
        Always.
    """
    raise UserError(POLICY_REFUSED)


def read(path: Path) -> Program:
    """Refuse a policy, which no such file holds.

    Raises
    ------
    UserError
        Always.
    """
    raise UserError(f"{path} holds no policy, as no netx file does")


POLICY_REFUSED = (
    "--target netx writes chains of spikes, and a policy's input is a current that the host computes: it is for "
    "networks of other frameworks"
)
_WHY = "netx is a chain of layers of neurons"


def _into(program: SampleProgram, name: str) -> list[Dense | Sparse]:
    return [each for each in program.weighted_connections if each.target == name]


def _layer(program: SampleProgram, node: Lif, before: str) -> ChainLayer:
    bias_line = next((each.name for each in program.nodes if isinstance(each, BiasLine)), None)
    sizes = {each.name: each.size for each in program.nodes}
    arriving = _into(program, node.name)
    for other in (each.source for each in arriving if each.source not in (before, node.name, bias_line)):
        raise UserError(f"{node.name} hears {other} besides {before}, the layer before it: {_WHY}")
    for each in arriving:
        if each.source != bias_line and np.any(each.delay):
            raise UserError(f"{each.source} -> {node.name} has delays of synapses, which netx does not hold")

    def total(source: str) -> Weights:
        weight = np.zeros((node.size, sizes[source]))
        for each in (each for each in arriving if each.source == source):
            weight += _dense(each, weight.shape)
        if source != bias_line and not _is_of_8_bits(weight):
            raise UserError(f"{source} -> {node.name} is the sum of several 8-bit connections, and netx has one")
        if source != bias_line and (weight.min() < SMALLEST_WEIGHT or weight.max() > LARGEST_WEIGHT):
            raise UserError(
                f"{source} -> {node.name} has weights of {weight.min():g} to {weight.max():g}, and netx holds those "
                f"of 8 bits, {SMALLEST_WEIGHT} to {LARGEST_WEIGHT}, without an exponent"
            )
        return weight.astype(np.int64)

    bias = total(bias_line)[:, 0] if bias_line else np.zeros(node.size, dtype=np.int64)
    if bias.any() and current_loss(node) != DECAY_ONE:
        raise UserError(f"{node.name} has a bias beside a synaptic current, and netx adds a bias to v")
    weight, feedback = total(before), total(node.name)
    if not _is_of_8_bits(np.hstack((weight, feedback))):
        raise UserError(
            f"{node.name} feeds itself by weights beyond -128 to 127 beside odd ones, and lava-dl, which reads both "
            "in one 8-bit format, loses them"
        )
    return ChainLayer(
        node.name,
        weight,
        feedback,
        bias,
        int(node.current_decay) + CURRENT_DECAY_OFFSET,
        int(node.voltage_decay),
        int(node.threshold),
        node.fires_at_threshold,
    )


def _is_of_8_bits(weight: NDArray[Any]) -> bool:
    ((mantissa, exponent),) = sum_of_terms(weight.astype(np.float64), 1)
    return np.array_equal(np.ldexp(mantissa, exponent), weight)


def _dense(connection: Dense | Sparse, shape: tuple[int, ...]) -> NDArray[np.float64]:
    scaled = np.ldexp(np.asarray(connection.weight, dtype=np.float64), connection.exponent)
    if isinstance(connection, Dense):
        return scaled
    weight = np.zeros(shape)
    np.add.at(weight, (connection.target_index, connection.source_index), scaled)
    return weight


def _write(layers: list[ChainLayer], path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs[COMPARE] = "ge" if layers[0].at_threshold else "gt"
        for n, layer in enumerate(layers):
            neurons, sources = layer.weight.shape
            group = file.create_group(f"layer/{n}")
            content: dict[str, Any] = {
                "type": np.array(["dense_rec" if layer.feedback.any() else "dense"], dtype="S10"),
                "shape": np.array([neurons]),
                "inFeatures": sources,
                "outFeatures": neurons,
                "weight": layer.weight.astype(np.float32),
            }
            if layer.feedback.any():
                content["weight_rec"] = layer.feedback.astype(np.float32)
            if layer.bias.any():
                content["bias"] = layer.bias.astype(np.float32)
            neuron = {
                "type": np.bytes_(b"CUBA"),
                "iDecay": layer.current_decay,
                "vDecay": layer.voltage_decay,
                "vThMant": layer.threshold,
                "refDelay": 1,
                "gradedSpike": False,
            }
            content |= {f"neuron/{key}": value for key, value in neuron.items()}
            for key, value in content.items():
                group[key] = value


def _program_of(path: Path) -> SampleProgram:
    network = read_netx(path, SourceOptions(), path.stem)
    return as_it_is(lower_network(network, "spikes", {}).program, [])
