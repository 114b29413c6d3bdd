"""The vocabulary of a program: what a spiking policy is made of once it has left PyTorch.

A program is a graph of node groups joined by connections, run one *time step* at a time. The same classes
describe both arithmetics (`Program.arithmetic`):

- ``float``: real weights, decays as fractions in [0, 1], real thresholds; for checking the lowering;
- ``loihi``: Loihi's integers. Weights are 8-bit (even, -256 … 254) with a power-of-two exponent a connection,
  decays are 12-bit (in 1/4096), thresholds 17-bit mantissas (compared after << 6), state is 24-bit
  (`neuro_runtime.program.limits`).

Each kind of node says of itself, for whoever steps, counts or draws nodes without asking for their kind:

- ``spikes``: it emits spikes, which synapses carry;
- ``graded``: what it emits is a number: the host's current, or a graded spike;
- ``has_state``: it has a current u and a voltage v, which every time step updates as those of a `Lif` (``as_lif``);
- ``on_chip``: it is neurons of a chip, and not a value that the host brings;
- ``scaled``: quantisation chooses how many integers stand for 1.0 of its current.

And each kind of connection: ``weighted``, it is synapses with weights.

Below, ``a`` is the current that arrives at a node in this time step, ``s`` the spikes it emits, and ``T`` and
``P`` are the program's active time steps and its period (time steps a decision). A spike is 1, a graded one the number
that it carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.kernel import Kernel
from neuro_runtime.program.limits import (
    AND_DECAY,
    AND_SLACK,
    AND_WEIGHT,
    CLEARED_CURRENT,
    DECAY_ONE,
    NEVER_THRESHOLD,
)

Arithmetic = Literal["float", "loihi"]
Yes: TypeAlias = Literal[True]
No: TypeAlias = Literal[False]


@dataclass(frozen=True)
class CurrentInput:
    """Current that the host brings; it reaches neurons through :class:`Injection` only.

    Of a policy, the token's current, held during the T active steps: ``i[t] = x`` for ``0 ≤ t < T``, else 0.
    Of a sample's program, another one in every time step: ``i[t] = x[t]``.
    """

    spikes: ClassVar[No] = False
    graded: ClassVar[Yes] = True
    has_state: ClassVar[No] = False
    on_chip: ClassVar[No] = False
    scaled: ClassVar[No] = False

    name: str
    size: int


@dataclass(frozen=True)
class SpikeInput:
    """Spikes that the host brings, others in every time step: ``s[t] = x[t]``. Only a sample's program has them."""

    spikes: ClassVar[Yes] = True
    graded: ClassVar[No] = False
    has_state: ClassVar[No] = False
    on_chip: ClassVar[Yes] = True
    scaled: ClassVar[No] = False

    name: str
    size: int


@dataclass(frozen=True)
class BiasLine:
    """One source that spikes in each of the T active steps; its weights are biases, so silence follows the token.

    ``s[t] = 1`` for ``0 ≤ t < T``, else 0.
    """

    spikes: ClassVar[Yes] = True
    graded: ClassVar[No] = False
    has_state: ClassVar[No] = False
    on_chip: ClassVar[Yes] = True
    scaled: ClassVar[No] = False

    name: str

    @property
    def size(self) -> int:
        """A bias line is a single neuron."""
        return 1


@dataclass(frozen=True)
class Lif:
    """Leaky integrate-and-fire neurons with hard reset to zero (the paper's eq. 1; Lava's LIF).

    float:  ``u ← (1 − current_decay)·u + a``;  ``v ← (1 − voltage_decay)·v + u``;  ``s = v > threshold``;  ``v[s] ← 0``

    loihi:  ``u ← wrap24(trunc0(u·(4096 − (current_decay + 1)) / 4096) + (a << 6))``;
    ``v ← clip24(trunc0(v·(4096 − voltage_decay) / 4096) + u)``;  ``s = v > (threshold << 6)``;  ``v[s] ← 0``

    A memoryless current (the DSFormer's) has ``current_decay`` 1.0 in float and 4095 in loihi.

    Neurons with ``fires_at_threshold`` compare ``v ≥ threshold`` instead, in loihi ``v > (threshold << 6) − 1``. The
    mantissa of a chip says that only where every v is a multiple of 64; Lava's model is given the effective threshold.

    Neurons with a ``reset_step`` begin that time step of every decision with u = v = 0, and then take in what arrives
    (Lava's ``LIFReset``). nengo-loihi's Loihi 1 has no such reset.
    """

    spikes: ClassVar[Yes] = True
    graded: ClassVar[No] = False
    has_state: ClassVar[Yes] = True
    on_chip: ClassVar[Yes] = True
    scaled: ClassVar[Yes] = True

    name: str
    size: int
    current_decay: float
    voltage_decay: float
    threshold: float
    fires_at_threshold: bool = False
    reset_step: int | None = None

    def as_lif(self, arithmetic: Arithmetic) -> Lif:
        """Itself."""
        return self


@dataclass(frozen=True)
class And:
    """Coincidence neurons: each fires when all its ``fan_in`` inputs spike in the same time step.

    ``s = Σ inputs > threshold``, nothing remembered. float: weights 1, threshold ``fan_in − 1/2``.
    loihi: weights 64, threshold mantissa ``64·fan_in − 28``, run as a LIF whose two decays are 4095
    (the residue of 1/4096 of a lone input never reaches the threshold).
    """

    spikes: ClassVar[Yes] = True
    graded: ClassVar[No] = False
    has_state: ClassVar[Yes] = True
    on_chip: ClassVar[Yes] = True
    scaled: ClassVar[No] = False

    name: str
    size: int
    fan_in: int
    threshold: float

    @staticmethod
    def weight(arithmetic: Arithmetic) -> int:
        """The weight that each input must have."""
        return AND_WEIGHT if arithmetic == "loihi" else 1

    @staticmethod
    def threshold_of(fan_in: int, arithmetic: Arithmetic) -> float:
        """The threshold that ``fan_in`` inputs pass and one fewer do not."""
        return AND_WEIGHT * fan_in - AND_SLACK if arithmetic == "loihi" else fan_in - 0.5

    def as_lif(self, arithmetic: Arithmetic) -> Lif:
        """The LIF neurons that these are run as: they forget both states at once."""
        decay = AND_DECAY if arithmetic == "loihi" else 1.0
        return Lif(self.name, self.size, decay, decay, self.threshold)


@dataclass(frozen=True)
class GradedRelu:
    """Neurons that emit, as one graded spike, by how much what arrives exceeds a threshold; nothing is remembered.

    ``s = max(a − threshold, 0)``, where 0 is no spike. Its synapses are listed ones, which multiply s by their weights.

    loihi: ``u ← wrap24(a << 6)``;  ``v ← u``;  ``s = (v >> 6) − threshold`` where ``v > (threshold << 6)``, else 0;
    ``v[s > 0] ← 0``. Lava's `GradedReluVec` is one whose threshold is not taken away. Chips whose spikes carry numbers
    can hold it, a Loihi 1 can not.
    """

    spikes: ClassVar[Yes] = True
    graded: ClassVar[Yes] = True
    has_state: ClassVar[Yes] = True
    on_chip: ClassVar[Yes] = True
    scaled: ClassVar[No] = False

    name: str
    size: int
    threshold: float

    def as_lif(self, arithmetic: Arithmetic) -> Lif:
        """The LIF neurons that fire when these do, and have their states: they keep nothing of either."""
        if arithmetic == "loihi":
            return Lif(self.name, self.size, CLEARED_CURRENT, DECAY_ONE, self.threshold)
        return Lif(self.name, self.size, 1.0, 1.0, self.threshold)


@dataclass(frozen=True)
class Accumulator:
    """Neurons that never spike and sum the current of one decision; the host reads ``v`` after the period's last step.

    ``v ← v + a`` (loihi: ``v ← clip24(v + wrap24(a << 6))``); ``v`` begins every decision at 0.
    """

    spikes: ClassVar[No] = False
    graded: ClassVar[No] = False
    has_state: ClassVar[Yes] = True
    on_chip: ClassVar[Yes] = True
    scaled: ClassVar[Yes] = True

    name: str
    size: int

    def as_lif(self, arithmetic: Arithmetic) -> Lif:
        """The LIF neurons that these are run as: v keeps all of itself, and no v exceeds the threshold."""
        if arithmetic == "loihi":
            return Lif(self.name, self.size, CLEARED_CURRENT, 0, NEVER_THRESHOLD)
        return Lif(self.name, self.size, 1.0, 0.0, np.inf)


Neurons = Lif | And | GradedRelu | Accumulator
Source = SpikeInput | BiasLine
Node = CurrentInput | Source | Neurons


@dataclass(frozen=True, eq=False)
class Injection:
    """Host current into neurons, one to one: ``a_target[t] += x`` for ``delay ≤ t < delay + T`` of each decision.

    loihi: ``x`` is an integer, shifted by ``exponent`` (left if positive, right (floor) if negative).
    """

    weighted: ClassVar[No] = False

    source: str
    target: str
    delay: int = 0
    exponent: int = 0


@dataclass(frozen=True, eq=False)
class Dense:
    """All-to-all synapses: ``a_target[t + 1 + delay] += shift(weight @ s_source[t], exponent)``.

    weight : (target size, source size). loihi: the sum is shifted left by ``exponent`` if positive,
    else right (floor) by ``−exponent``, as Lava's Dense does. ``delay`` is in time steps and may span decisions.
    """

    weighted: ClassVar[Yes] = True

    source: str
    target: str
    weight: NDArray[np.generic]
    delay: int = 0
    exponent: int = 0


@dataclass(frozen=True, eq=False)
class Sparse:
    """Listed synapses, each with its own delay: for synapse n,
    ``a_target[target_index[n], t + 1 + delay[n]] += shift(weight[n]·s_source[source_index[n], t], exponent)``.

    All four arrays have shape (synapses,). The shift applies to each target's sum over all synapses of the connection.
    Of a graded source, ``s_source`` is the number that its spike carries.
    """

    weighted: ClassVar[Yes] = True

    source: str
    target: str
    source_index: NDArray[np.int32]
    target_index: NDArray[np.int32]
    weight: NDArray[np.generic]
    delay: NDArray[np.int32]
    exponent: int = 0


@dataclass(frozen=True, eq=False)
class Convolution(Kernel):
    """Synapses that share their weights: those of a kernel between two nodes, whose neurons are its x and y, flat.

    A program keeps its weights once. Simulators, counts and maps take its synapses as ``listed``.
    """

    weighted: ClassVar[Yes] = True

    source: str
    target: str
    delay: int = 0
    exponent: int = 0

    @cached_property
    def listed(self) -> Sparse:
        """The same synapses as a list, without those of weight 0."""
        source, target, weight = self.synapses()
        delay = np.full(len(weight), self.delay, dtype=np.int32)
        ends = source.astype(np.int32), target.astype(np.int32)
        return Sparse(self.source, self.target, *ends, weight, delay, self.exponent)


Weighted = Dense | Sparse
Connection = Injection | Weighted
