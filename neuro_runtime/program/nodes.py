"""The vocabulary of a program: what a spiking policy is made of once it has left PyTorch.

A program is a graph of node groups joined by connections, run one *time step* at a time. The same classes
describe both arithmetics (`Program.arithmetic`):

- ``float``: real weights, decays as fractions in [0, 1], real thresholds; for checking the lowering;
- ``loihi``: Loihi's integers. Weights are 8-bit (even, -256 … 254) with a power-of-two exponent a connection,
  decays are 12-bit (in 1/4096), thresholds 17-bit mantissas (compared after << 6), state is 24-bit.

Below, ``a`` is the current that arrives at a node in this time step, ``s`` the spikes it emits, and ``T`` and
``P`` are the program's active time steps and its period (time steps a decision).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class CurrentInput:
    """The token's current from the host encoder, held during the T active steps.

    ``i[t] = x`` for ``0 ≤ t < T``, else 0.

    It reaches neurons through :class:`Injection` only; it is a graded value, never a spike.
    """

    name: str
    size: int


@dataclass(frozen=True)
class BiasLine:
    """One source that spikes in each of the T active steps; its weights are biases, so silence follows the token.

    ``s[t] = 1`` for ``0 ≤ t < T``, else 0.
    """

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
    """

    name: str
    size: int
    current_decay: float
    voltage_decay: float
    threshold: float


@dataclass(frozen=True)
class And:
    """Coincidence neurons: each fires when all its ``fan_in`` inputs spike in the same time step.

    ``s = Σ inputs > threshold``, nothing remembered. float: weights 1, threshold ``fan_in − 1/2``.
    loihi: weights 64, threshold mantissa ``64·fan_in − 28``, run as a LIF whose two decays are 4095
    (the residue of 1/4096 of a lone input never reaches the threshold).
    """

    name: str
    size: int
    fan_in: int
    threshold: float


@dataclass(frozen=True)
class Accumulator:
    """Neurons that never spike and sum the current of one decision; the host reads ``v`` after the period's last step.

    ``v ← v + a`` (loihi: ``v ← clip24(v + wrap24(a << 6))``); ``v`` begins every decision at 0.
    """

    name: str
    size: int


Node = CurrentInput | BiasLine | Lif | And | Accumulator


@dataclass(frozen=True, eq=False)
class Injection:
    """Host current into neurons, one to one: ``a_target[t] += x`` for ``delay ≤ t < delay + T`` of each decision.

    loihi: ``x`` is an integer, shifted by ``exponent`` (left if positive, right (floor) if negative).
    """

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
    """

    source: str
    target: str
    source_index: NDArray[np.int32]
    target_index: NDArray[np.int32]
    weight: NDArray[np.generic]
    delay: NDArray[np.int32]
    exponent: int = 0


Connection = Injection | Dense | Sparse
