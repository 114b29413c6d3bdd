"""The library's neurons, which also keep what u and v were after every time step and send it once a decision; such
that fire at their threshold; and graded ones that send what exceeds it.

The arithmetic is the library's: its models run, and only then are their variables copied, in the same process. Reading
them from another one takes a message each way for each variable and time step, longer than all the rest of it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.graded.models import PyGradedReluVecModelFixed
from lava.proc.graded.process import GradedReluVec
from lava.proc.lif.models import PyLifModelBitAcc, PyLifResetModelBitAcc
from lava.proc.lif.process import LIF, LIFReset
from numpy.typing import NDArray

# As in `neuro_runtime.program.limits`, which Lava's Python does not have.
CURRENT_SHIFT = 6

States = NDArray[np.int32]


class RecordedLIF(LIF):
    """A `LIF` with a record; takes what that takes, and the ``period`` of a decision in time steps."""

    def __init__(self, *, period: int, **of_lif: Any) -> None:
        super().__init__(**of_lif)
        self.states = _states_port(self, period)


class LIFAtThreshold(LIF):
    """A `LIF` that fires where v meets its threshold: its effective threshold, in units of v, is one lower."""


class RecordedLIFAtThreshold(LIFAtThreshold):
    """The same with a record."""

    def __init__(self, *, period: int, **of_lif: Any) -> None:
        super().__init__(**of_lif)
        self.states = _states_port(self, period)


class RecordedLIFReset(LIFReset):
    """A `LIFReset` with a record, likewise."""

    def __init__(self, *, period: int, **of_lif: Any) -> None:
        super().__init__(**of_lif)
        self.states = _states_port(self, period)


class GradedRelu(GradedReluVec):
    """A `GradedReluVec` that sends by how much its input exceeds its threshold.

    The library's model sends the whole input where that exceeds its threshold ``vth``, which is 1 by default. Here it
    is 0, and the threshold is taken away from the input.
    """

    def __init__(self, *, shape: tuple[int, ...], threshold: int) -> None:
        super().__init__(shape=shape, vth=0)
        self.proc_params["threshold"] = threshold


class RecordedGradedRelu(GradedRelu):
    """The same with a record."""

    def __init__(self, *, period: int, **of_graded: Any) -> None:
        super().__init__(**of_graded)
        self.states = _states_port(self, period)


def take_states(neurons: LIF | GradedRelu) -> States:
    """u and v after each time step of the decision that has just run, (2, period, neurons)."""
    states: States = neurons.states.external_pipe_csp_recv_port.recv()
    return states


def _states_port(neurons: LIF | LIFReset | GradedRelu, period: int) -> OutPort:
    neurons.proc_params["period"] = period
    port = OutPort((2, period, *neurons.v.shape))
    port.flag_external_pipe(buffer_size=2)
    return port


class _Recording:
    """Comes before a model of the library, which has u and v."""

    implements_process = None  # not the library's process: Lava's decorator wants to hear it of one that inherits

    def __init__(self, proc_params: dict[str, Any]) -> None:
        super().__init__(proc_params)  # type: ignore[call-arg]
        self._record = np.zeros((2, proc_params["period"], *proc_params["shape"]), dtype=np.int32)

    def run_spk(self: Any) -> None:
        super().run_spk()  # type: ignore[misc]
        step = (self.time_step - 1) % self._record.shape[1]
        self._record[:, step] = self.u, self.v
        if step == self._record.shape[1] - 1:
            self.states.send(self._record)


@implements(proc=RecordedLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class RecordedLIFModel(_Recording, PyLifModelBitAcc):
    """The library's model, and a record."""

    states: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)


class _AtThreshold:
    """Comes before a model of the library, which compares v > effective_vth."""

    implements_process = None

    def scale_threshold(self: Any) -> None:
        super().scale_threshold()  # type: ignore[misc]
        self.effective_vth = self.effective_vth - 1


@implements(proc=LIFAtThreshold, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class LIFAtThresholdModel(_AtThreshold, PyLifModelBitAcc):
    """The library's model, its threshold one lower."""


@implements(proc=RecordedLIFAtThreshold, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class RecordedLIFAtThresholdModel(_Recording, _AtThreshold, PyLifModelBitAcc):
    """The same, and a record."""

    states: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)


@implements(proc=RecordedLIFReset, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class RecordedLIFResetModel(_Recording, PyLifResetModelBitAcc):
    """The library's model, and a record."""

    states: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)


class _BeyondThreshold:
    """Comes before a model of the library, which adds its input to a v of 0: here v begins the threshold below."""

    implements_process = None

    def run_spk(self: Any) -> None:
        self.v[:] = -self.proc_params["threshold"]
        super().run_spk()  # type: ignore[misc]


class _RecordingInput:
    """Comes before these, and records the input as a current that lasts one time step: the library's v is 0 again."""

    implements_process = None

    def __init__(self, proc_params: dict[str, Any]) -> None:
        super().__init__(proc_params)  # type: ignore[call-arg]
        self._record = np.zeros((2, proc_params["period"], *proc_params["shape"]), dtype=np.int32)

    def run_spk(self: Any) -> None:
        port, heard = self.a_in, self.a_in.recv()
        self.a_in = SimpleNamespace(recv=lambda: heard)
        super().run_spk()  # type: ignore[misc]
        self.a_in = port
        step, current = (self.time_step - 1) % self._record.shape[1], heard << CURRENT_SHIFT
        self._record[:, step] = current, np.where(heard > self.proc_params["threshold"], 0, current)
        if step == self._record.shape[1] - 1:
            self.states.send(self._record)


@implements(proc=GradedRelu, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class GradedReluModel(_BeyondThreshold, PyGradedReluVecModelFixed):
    """The library's model, which sends what exceeds the threshold."""


@implements(proc=RecordedGradedRelu, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class RecordedGradedReluModel(_RecordingInput, _BeyondThreshold, PyGradedReluVecModelFixed):
    """The same, and a record."""

    states: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
