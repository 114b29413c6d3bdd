"""Processes that a program has and Lava's library does not: what the host brings, and axons with delays.

Each is a Lava process with a fixed-point model. Neurons and synapses are the library's own.
"""

from __future__ import annotations

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from numpy.typing import NDArray

MUTED, FORGET = 1, 2

Integers = NDArray[np.int32]


class HostInput(AbstractProcess):
    """The host's input: currents, spikes, and a line that spikes in the active steps of a decision.

    The host gives one row of numbers a decision, which is held, or one a time step. An injection ``(targets, columns,
    delay, exponent)`` adds ``shift(row[columns], exponent)`` to the neurons ``targets``, one to one, for
    ``delay ≤ t < delay + active_steps`` of each decision; the shift is left if positive, else right (floor).

    Parameters
    ----------
    shape
        Rows and columns of what is given: one row that is held, or ``period``.
    neurons
        Entries of the currents that are sent: one for each neuron of the program.
    injections
        The injections, as above.
    spike_columns
        The columns that are spikes.
    active_steps, period
        In time steps.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        neurons: int,
        injections: list[tuple[NDArray[np.intp], NDArray[np.intp], int, int]],
        spike_columns: NDArray[np.intp],
        active_steps: int,
        period: int,
    ) -> None:
        super().__init__(
            rows=shape[0],
            neurons=neurons,
            injections=injections,
            spike_columns=spike_columns,
            active_steps=active_steps,
            period=period,
        )
        self.given = InPort(shape)
        self.given.flag_external_pipe(buffer_size=2)
        self.injected = OutPort((neurons,))
        self.emitted = OutPort((1 + len(spike_columns),))

    def give(self, rows: Integers) -> None:
        """Hand over the input of the next decision, before it runs."""
        self.given.external_pipe_csp_send_port.send(rows)


@implements(proc=HostInput, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class HostInputModel(PyLoihiProcessModel):
    """Takes the input at a decision's first step; sends the line's spike and then those of the columns."""

    given: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    injected: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    emitted: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        step = (self.time_step - 1) % self.proc_params["period"]
        if step == 0:
            self._given = self.given.recv()
        row = self._given[0 if self.proc_params["rows"] == 1 else step]
        self.injected.send(self._injected_at(step, row))
        active = np.array([step < self.proc_params["active_steps"]])
        self.emitted.send(np.concatenate([active, row[self.proc_params["spike_columns"]] != 0]))

    def _injected_at(self, step: int, row: Integers) -> Integers:
        injected = np.zeros(self.proc_params["neurons"], dtype=np.int32)
        for targets, columns, delay, exponent in self.proc_params["injections"]:
            if delay <= step < delay + self.proc_params["active_steps"]:
                current = row[columns]
                injected[targets] += current << exponent if exponent >= 0 else current >> -exponent
        return injected


class Axons(AbstractProcess):
    """Carries spikes from all neurons to all synapses, each line with a delay of its own, and keeps the record.

    ``lines[n, t] = spikes[neuron[n], t − delay[n]]``, and ``graded_lines`` likewise with the numbers that graded spikes
    carry. Spikes in flight outlive the decision, until the axons are muted.

    Parameters
    ----------
    size
        Neurons.
    neuron, delay
        Neuron and delay of each line, shape (lines,).
    graded_neuron, graded_delay
        Those of each line that carries numbers.
    period
        Time steps a decision.

    Attributes
    ----------
    muted
        While it is ``MUTED``, as it is at first, spikes go nowhere and those in flight are lost. ``FORGET`` loses those
        in flight before the next time step, and then is 0.
    """

    def __init__(
        self,
        size: int,
        neuron: Integers,
        delay: Integers,
        graded_neuron: Integers,
        graded_delay: Integers,
        period: int,
    ) -> None:
        super().__init__(
            size=size,
            neuron=neuron,
            delay=delay,
            graded_neuron=graded_neuron,
            graded_delay=graded_delay,
            period=period,
        )
        self.spikes = InPort((size,))
        self.lines = OutPort((len(neuron),))
        self.graded_lines = OutPort((len(graded_neuron),))
        self.raster = OutPort((period, size))
        self.raster.flag_external_pipe(buffer_size=2)
        self.muted = Var((1,), init=MUTED)

    def take_raster(self) -> NDArray[np.bool_]:
        """Every spike of the decision that has just run, (period, size)."""
        raster: NDArray[np.bool_] = self.raster.external_pipe_csp_recv_port.recv()
        return raster


@implements(proc=Axons, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class AxonsModel(PyLoihiProcessModel):
    """Keeps the last spikes in a ring of time steps."""

    spikes: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    lines: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, bool)
    graded_lines: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    raster: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, bool)
    muted: NDArray[np.int_] = LavaPyType(np.ndarray, int)

    def __init__(self, proc_params: dict[str, object]) -> None:
        super().__init__(proc_params)
        size, period = self.proc_params["size"], self.proc_params["period"]
        longest = int(self.proc_params["delay"].max(initial=0))
        longest_graded = int(self.proc_params["graded_delay"].max(initial=0))
        self._past = np.zeros((longest + 1, size), dtype=bool)
        self._past_numbers = np.zeros((longest_graded + 1, size), dtype=np.int32)
        self._raster = np.zeros((period, size), dtype=bool)

    def run_spk(self) -> None:
        if self.muted[0] == FORGET:
            self._past[:] = False
            self._past_numbers[:] = 0
            self.muted[0] = 0
        numbers = self.spikes.recv()
        spikes = numbers.astype(bool)
        step = (self.time_step - 1) % len(self._raster)
        self._raster[step] = spikes
        self._past[self.time_step % len(self._past)] = spikes
        self._past_numbers[self.time_step % len(self._past_numbers)] = numbers
        if self.muted[0]:
            self._past[:] = False
            self._past_numbers[:] = 0
        emitted = (self.time_step - self.proc_params["delay"]) % len(self._past)
        self.lines.send(self._past[emitted, self.proc_params["neuron"]])
        emitted = (self.time_step - self.proc_params["graded_delay"]) % len(self._past_numbers)
        self.graded_lines.send(self._past_numbers[emitted, self.proc_params["graded_neuron"]])
        if step == len(self._raster) - 1:
            self.raster.send(self._raster)
