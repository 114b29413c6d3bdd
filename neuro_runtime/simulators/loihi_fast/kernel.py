"""The compiled inner loop: one lane through one decision, or several lanes.

A layer runs all its time steps before the next one begins, connection by connection, which gives the same spikes as
stepping the whole program time step by time step (see `neuro_runtime.simulators.loihi_fast.order`) and keeps its
weights in the cache. Work is done where something happens: a spike adds its neuron's row of weights, and neurons that
nothing reaches are passed over, their decay made up for later. The arithmetic is that of
`neuro_runtime.simulators.loihi_arithmetic` in 32 bits; `validate` sees to it that they are enough.

How it is written follows from what the compiler does with it. Everything becomes one function, whose arrays
have no reference counts. Inner loops begin at 0 over whole rows, and fired neurons are unsigned, so that no index can
be negative and the loops become SIMD.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.limits import CURRENT_SHIFT, DECAY_ONE, STATE_LIMIT
from neuro_runtime.simulators.loihi_fast.compiling import compiled, inlined
from neuro_runtime.simulators.loihi_fast.state import Flags, Neurons, State, Values, Workspace
from neuro_runtime.simulators.loihi_fast.tables import ProgramTables
from neuro_runtime.simulators.loihi_fast.uncounted_arrays import uncounted

LARGEST_VOLTAGE = STATE_LIMIT - 1


class Tape(NamedTuple):
    """Every spike and state of one decision, (period, neurons) each; (0, neurons) where nothing is to be recorded."""

    spikes: Flags
    current: Values
    voltage: Values


@inlined
def _decide_lane(
    tables: ProgramTables, state: State, workspace: Workspace, worker: int, lane: int, token: Values, tape: Tape
) -> None:
    """Run one decision of ``lane``; ``token`` is what the host gives: one row that is held, or one a time step."""
    for number in range(len(tables.nodes)):
        _begin_decision(tables, state, lane, number)
    for group in tables.groups:
        span = 1 if group.is_loop else tables.period
        for begin in range(0, tables.period, span):
            end = begin + span
            for number in range(group.first_node, group.end_node):
                if tables.nodes[number].is_line:
                    _fire_line(tables, state, lane, number, begin, end, tape)
                elif tables.nodes[number].is_input:
                    _fire_input(tables, state, lane, number, begin, end, token, tape)
                else:
                    _deliver(tables, state, workspace, worker, lane, number, begin, end)
                    _inject(tables, state, workspace, worker, lane, number, begin, end, token)
                    _step(tables, state, workspace, worker, lane, number, begin, end, tape)
    state.time[lane] += tables.period


@compiled
def decide_lanes(
    tables: ProgramTables,
    state: State,
    workspace: Workspace,
    worker: int,
    lanes: NDArray[np.int64],
    tokens: Values,
    tape: Tape,
) -> None:
    """Run one decision of each of ``lanes``, one after the other, on ``tokens`` (lanes, rows, columns)."""
    tables, state, workspace, tape = uncounted(tables), uncounted(state), uncounted(workspace), uncounted(tape)
    for n in range(len(lanes)):
        _decide_lane(tables, state, workspace, worker, lanes[n], tokens[n], tape)


@inlined
def _begin_decision(tables: ProgramTables, state: State, lane: int, number: int) -> None:
    """Count anew; an accumulator begins at 0."""
    node, tally = tables.nodes[number], state.tally[lane, number]
    tally.spikes = 0
    if node.is_accumulator:
        state.current[lane, node.first_neuron : node.end_neuron] = 0
        state.voltage[lane, node.first_neuron : node.end_neuron] = 0
        tally.has_current = False


@inlined
def _fire_line(tables: ProgramTables, state: State, lane: int, number: int, begin: int, end: int, tape: Tape) -> None:
    """A bias line fires in every active step."""
    node = tables.nodes[number]
    for step in range(begin, end):
        fires = step < tables.active_steps
        slot = (state.time[lane] + step) & (node.slots - 1)
        state.fired_count[lane, node.first_slot + slot] = fires
        state.tally[lane, number].spikes += fires
        if len(tape.spikes):
            tape.spikes[step, node.first_neuron] = fires


@inlined
def _fire_input(
    tables: ProgramTables, state: State, lane: int, number: int, begin: int, end: int, token: Values, tape: Tape
) -> None:
    """An input fires where the host says so."""
    node = tables.nodes[number]
    size = node.end_neuron - node.first_neuron
    for step in range(begin, end):
        slot = (state.time[lane] + step) & (node.slots - 1)
        first, count = node.first_fired + slot * size, 0
        for n in range(size):
            if token[step, node.first_column + n] != 0:
                state.fired[lane, first + count] = n
                count += 1
                if len(tape.spikes):
                    tape.spikes[step, node.first_neuron + n] = True
        state.fired_count[lane, node.first_slot + slot] = count
        state.tally[lane, number].spikes += count


@inlined
def _deliver(
    tables: ProgramTables, state: State, workspace: Workspace, worker: int, lane: int, number: int, begin: int, end: int
) -> None:
    """Begin what arrives at a node's neurons in time steps ``begin … end`` with what synapses bring."""
    node = tables.nodes[number]
    size = node.end_neuron - node.first_neuron
    arrives, arriving = workspace.arrives[worker], workspace.arriving[worker]
    brings, total = workspace.brings[worker], workspace.total[worker]
    arrives[begin:end] = False
    for each in tables.sums[node.first_sum : node.end_sum]:
        if each.shift == 0:
            _sum_bundles(tables, state, lane, each, size, arriving, arrives, begin, end)
            continue
        brings[begin:end] = False
        _sum_bundles(tables, state, lane, each, size, total, brings, begin, end)
        for step in range(begin, end):
            if brings[step]:
                _add_shifted(arriving[step], total[step], -each.shift, size, arrives[step])
                arrives[step] = True


@inlined
def _inject(
    tables: ProgramTables,
    state: State,
    workspace: Workspace,
    worker: int,
    lane: int,
    number: int,
    begin: int,
    end: int,
    token: Values,
) -> None:
    """Add the token's current to what arrives, and count what u alone does not tell.

    The u of a node that keeps none of it is what arrived, so that only its parts need counting, if it has two.
    """
    node, tally = tables.nodes[number], state.tally[lane, number]
    keeps = node.keep_current != 0
    if node.first_injection == node.end_injection and not keeps:
        return
    size = node.end_neuron - node.first_neuron
    arrives, arriving = workspace.arrives[worker], workspace.arriving[worker]
    brings, injected = workspace.brings[worker], workspace.total[worker]
    brings[begin:end] = False
    for injection in tables.injections[node.first_injection : node.end_injection]:
        for step in range(max(begin, injection.delay), min(end, injection.delay + tables.active_steps)):
            row = token[0 if tables.holds_input else step - injection.delay, injection.first_column :]
            _add_shifted(injected[step], row, injection.exponent, size, brings[step])
            brings[step] = True
    synaptic, host = tally.largest_synaptic, tally.largest_injected
    for step in range(begin, end):
        if arrives[step] and brings[step]:
            synaptic, host = _add_and_count(arriving[step], injected[step], size, synaptic, host)
        elif arrives[step]:
            synaptic = _larger(synaptic, arriving[step], size)
        elif brings[step]:
            host = _larger(host, injected[step], size)
            _add_shifted(arriving[step], injected[step], 0, size, False)
            arrives[step] = True
        if keeps and arrives[step]:
            tally.largest_arrival = _larger(tally.largest_arrival, arriving[step], size)
    tally.largest_synaptic, tally.largest_injected = synaptic, host


@inlined
def _add_and_count(
    arriving: Values, injected: Values, size: int, synaptic: np.int32, host: np.int32
) -> tuple[np.int32, np.int32]:
    """Add the host's current to what synapses bring; the largest magnitudes of both up to now."""
    for n in range(size):
        synaptic = max(synaptic, np.int32(abs(arriving[n])))
        host = max(host, np.int32(abs(injected[n])))
        arriving[n] += injected[n]
    return synaptic, host


@inlined
def _larger(largest: np.int32, values: Values, size: int) -> np.int32:
    """``largest``, or the largest magnitude among ``values``."""
    for n in range(size):
        largest = max(largest, np.int32(abs(values[n])))
    return largest


@inlined
def _sum_bundles(
    tables: ProgramTables,
    state: State,
    lane: int,
    of: Any,
    size: int,
    total: Values,
    brings: Flags,
    begin: int,
    end: int,
) -> None:
    """Add a sum's synapses to ``total[step]``, which begins where ``brings[step]`` is not set yet."""
    fired_of_lane, count_of_lane, time = state.fired[lane], state.fired_count[lane], state.time[lane]
    for bundle in tables.bundles[of.first_bundle : of.end_bundle]:
        source = tables.nodes[bundle.source]
        sources = source.end_neuron - source.first_neuron
        counts = count_of_lane[source.first_slot : source.first_slot + source.slots]
        fired = fired_of_lane[source.first_fired : source.first_fired + source.slots * sources]
        emitted, start = time - 1 - bundle.delay, bundle.start
        if bundle.is_dense:
            rows = tables.dense_weight[start : start + sources * size].reshape(sources, size)
            _sum_rows(total, brings, begin, end, emitted, counts, fired, rows)
        else:
            row = tables.row[start : start + sources + 1]
            weight, target = tables.listed_weight, tables.listed_target
            if source.is_graded:
                first = source.first_number
                number = state.number[lane, first : first + source.slots * sources]
                _sum_graded(total, brings, begin, end, emitted, counts, fired, number, row, weight, target, size)
            else:
                _sum_listed(total, brings, begin, end, emitted, counts, fired, row, weight, target, size)


@inlined
def _sum_rows(
    total: Values,
    brings: Flags,
    begin: int,
    end: int,
    emitted: int,
    counts: Values,
    fired: Neurons,
    rows: NDArray[np.int16],
) -> None:
    """``total[step] += Σ rows[fired]`` over the neurons that fired at time ``emitted + step``.

    Four rows at a time, so that the sum is read and written less often.
    """
    sources, size = rows.shape
    for step in range(begin, end):
        slot = (emitted + step) & (len(counts) - 1)
        if counts[slot] == 0:
            continue
        _begin_sum(total[step], brings, step, size)
        first, fours, last = slot * sources, slot * sources + counts[slot] // 4 * 4, slot * sources + counts[slot]
        for n in range(first, fours, 4):
            a, b, c, d = fired[n], fired[n + 1], fired[n + 2], fired[n + 3]
            for target in range(size):
                total[step, target] += rows[a, target] + rows[b, target] + rows[c, target] + rows[d, target]
        for n in range(fours, last):
            neuron = fired[n]
            for target in range(size):
                total[step, target] += rows[neuron, target]


@inlined
def _sum_listed(
    total: Values,
    brings: Flags,
    begin: int,
    end: int,
    emitted: int,
    counts: Values,
    fired: Neurons,
    row: Values,
    weight: NDArray[np.int16],
    target: Values,
    size: int,
) -> None:
    """Add the listed synapses of the neurons that fired at time ``emitted + step`` to ``total[step]``."""
    sources = len(row) - 1
    for step in range(begin, end):
        slot = (emitted + step) & (len(counts) - 1)
        if counts[slot] == 0:
            continue
        _begin_sum(total[step], brings, step, size)
        for n in range(counts[slot]):
            neuron = np.int64(fired[slot * sources + n])
            for synapse in range(row[neuron], row[neuron + 1]):
                total[step, target[synapse]] += weight[synapse]


@inlined
def _sum_graded(
    total: Values,
    brings: Flags,
    begin: int,
    end: int,
    emitted: int,
    counts: Values,
    fired: Neurons,
    number: Values,
    row: Values,
    weight: NDArray[np.int16],
    target: Values,
    size: int,
) -> None:
    """The same where spikes carry numbers, ``number[n]`` that of the neuron ``fired[n]``."""
    sources = len(row) - 1
    for step in range(begin, end):
        slot = (emitted + step) & (len(counts) - 1)
        if counts[slot] == 0:
            continue
        _begin_sum(total[step], brings, step, size)
        for n in range(counts[slot]):
            neuron, carried = np.int64(fired[slot * sources + n]), number[slot * sources + n]
            for synapse in range(row[neuron], row[neuron + 1]):
                total[step, target[synapse]] += np.int32(weight[synapse] * carried)


@inlined
def _begin_sum(total: Values, brings: Flags, step: int, size: int) -> None:
    """Clear a time step's ``total`` unless something was brought to it before."""
    if not brings[step]:
        total[:size] = 0
        brings[step] = True


@inlined
def _add_shifted(arriving: Values, values: Values, exponent: int, size: int, onto: bool) -> None:
    """``arriving = values·2^exponent``, floored where the exponent is negative, ``onto`` what is there or instead."""
    left, right = max(exponent, 0), max(-exponent, 0)
    if onto:
        for n in range(size):
            arriving[n] += np.int32(np.int32(values[n] << left) >> right)
    else:
        for n in range(size):
            arriving[n] = np.int32(np.int32(values[n] << left) >> right)


@inlined
def _step(
    tables: ProgramTables,
    state: State,
    workspace: Workspace,
    worker: int,
    lane: int,
    number: int,
    begin: int,
    end: int,
    tape: Tape,
) -> None:
    """Update a node's neurons in time steps ``begin … end`` and remember who fired.

    Steps in which nothing arrives and no current is left are made up for later: v only decays in them, towards 0,
    so that it cannot pass a threshold, and mostly it has reached 0 when something arrives again.
    """
    node, tally, time = tables.nodes[number], state.tally[lane, number], state.time[lane]
    size = node.end_neuron - node.first_neuron
    current = state.current[lane, node.first_neuron : node.end_neuron]
    voltage = state.voltage[lane, node.first_neuron : node.end_neuron]
    arrives, arriving = workspace.arrives[worker], workspace.arriving[worker]
    counts = state.fired_count[lane, node.first_slot : node.first_slot + node.slots]
    fired = state.fired[lane, node.first_fired : node.first_fired + node.slots * size]
    largest_current, largest_voltage = tally.largest_current, tally.largest_voltage
    has_current, stepped, spikes = tally.has_current, tally.stepped, 0
    for step in range(begin, end):
        slot = (time + step) & (node.slots - 1)
        counts[slot] = 0
        if step == node.reset_step:
            current[:] = 0
            voltage[:] = 0
            has_current, stepped = False, time + step
        if arrives[step] or has_current or len(tape.spikes):
            if not arrives[step]:
                arriving[step, :size] = 0
            _rest(voltage, time + step - stepped, node.keep_voltage, node.steps_to_zero)
            stepped = time + step + 1
            has_current, largest_current = _step_current(current, arriving[step], node.keep_current, largest_current)
            highest, largest_voltage = _step_voltage(voltage, current, node.keep_voltage, largest_voltage)
            if highest > node.threshold:
                if node.is_graded:
                    first = node.first_number + slot * size
                    _note_numbers(voltage, node.threshold, state.number[lane, first : first + size])
                counts[slot] = _fire(voltage, node.threshold, fired[slot * size : (slot + 1) * size])
                spikes += counts[slot]
        if len(tape.spikes):
            tape.current[step, node.first_neuron : node.end_neuron] = current
            tape.voltage[step, node.first_neuron : node.end_neuron] = voltage
            for n in range(counts[slot]):
                tape.spikes[step, node.first_neuron + np.int64(fired[slot * size + n])] = True
    tally.has_current = has_current
    tally.stepped = stepped
    tally.spikes += spikes
    tally.largest_current = largest_current
    tally.largest_voltage = largest_voltage


@inlined
def _rest(voltage: Values, steps: int, keep: np.int32, steps_to_zero: int) -> None:
    """Make up for ``steps`` time steps in which nothing arrived."""
    if steps >= steps_to_zero:
        voltage[:] = 0
    elif keep != DECAY_ONE:
        for _ in range(steps):
            for n in range(len(voltage)):
                voltage[n] = _decayed(voltage[n], keep)


@inlined
def _decayed(state: np.int32, keep: np.int32) -> np.int32:
    """``trunc0(state·keep / 4096)`` without leaving 32 bits: whole 4096s and the rest apart."""
    size = np.int32(abs(state))
    whole = np.int32(np.int32(size >> 12) * keep)
    rest = np.int32(np.int32(np.int32(size & 4095) * keep) >> 12)
    kept = np.int32(whole + rest)
    return np.int32(-kept) if state < 0 else kept


@inlined
def _step_current(current: Values, arriving: Values, keep: np.int32, largest: np.int32) -> tuple[bool, np.int32]:
    """``u ← wrap24(decayed(u) + (a << 6))``.

    Returns whether any of it is left to decay, and ``largest`` or the largest |u| before wrapping.
    """
    left = np.int32(0)
    for n in range(len(current)):
        u = np.int32(arriving[n] << CURRENT_SHIFT)
        if keep != 0:
            u = np.int32(u + _decayed(current[n], keep))
        largest = max(largest, np.int32(abs(u)))
        wrapped = u
        if u > STATE_LIMIT:
            wrapped = np.int32(u - 2 * STATE_LIMIT)
        if u <= -STATE_LIMIT:
            wrapped = np.int32(u + 2 * STATE_LIMIT)
        current[n] = wrapped
        left |= wrapped
    return keep != 0 and left != 0, largest


@inlined
def _step_voltage(voltage: Values, current: Values, keep: np.int32, largest: np.int32) -> tuple[np.int32, np.int32]:
    """``v ← clip24(decayed(v) + u)``, no neuron reset yet.

    Returns the highest v, and ``largest`` or the largest |v| before clipping.
    """
    highest = np.int32(-LARGEST_VOLTAGE)
    for n in range(len(voltage)):
        v = np.int32(_decayed(voltage[n], keep) + current[n])
        largest = max(largest, np.int32(abs(v)))
        clipped = min(max(v, np.int32(-LARGEST_VOLTAGE)), np.int32(LARGEST_VOLTAGE))
        voltage[n] = clipped
        highest = max(highest, clipped)
    return highest, largest


@inlined
def _fire(voltage: Values, threshold: np.int32, fired: Neurons) -> np.int64:
    """Reset the neurons above threshold and list them; how many there are.

    Without a branch for each, since nobody can predict who fires.
    """
    count = np.uint64(0)
    for n in range(len(voltage)):
        fired[count] = n  # until the next one, unless it did
        count += np.uint64(voltage[n] > threshold)
    for n in range(len(voltage)):
        voltage[n] = 0 if voltage[n] > threshold else voltage[n]
    return np.int64(count)


@inlined
def _note_numbers(voltage: Values, threshold: np.int32, number: Values) -> None:
    """List by how many weight units the neurons above threshold exceed it, in their order."""
    count = np.uint64(0)
    for n in range(len(voltage)):
        if voltage[n] > threshold:
            number[count] = np.int32(voltage[n] - threshold) >> CURRENT_SHIFT
            count += np.uint64(1)
