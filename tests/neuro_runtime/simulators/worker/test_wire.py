"""Messages survive the socket, and whatever keeps one from coming is noticed."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from neuro_runtime.simulators.worker.wire import Message, receive, send

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Pair]:
    """The two ends of a connection."""
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_fields_and_arrays_arrive_as_they_were(ends: Pair) -> None:
    arrays = {
        "numbers": np.arange(6, dtype=np.int32).reshape(2, 3).T,
        "spikes": np.array([[True, False]]),
        "empty": np.zeros((0, 4)),
        "scalar": np.array(-1.5),
    }
    send(ends[0], Message("decide", {"steps": 4, "name": "Träger"}, arrays))
    received = receive(ends[1], time_limit_s=1.0)
    assert received.kind == "decide"
    assert received.fields == {"steps": 4, "name": "Träger"}
    assert list(received.arrays) == list(arrays)
    for name, array in arrays.items():
        assert received.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(received.arrays[name], array)


def test_nothing_that_would_need_pickle_is_sent(ends: Pair) -> None:
    send(ends[0], Message("decide", arrays={"anything": np.array([object()])}))
    with pytest.raises(ValueError, match="OBJECT"):
        receive(ends[1], time_limit_s=1.0)


def test_silence_ends_with_the_time_limit(ends: Pair) -> None:
    with pytest.raises(TimeoutError):
        receive(ends[1], time_limit_s=0.05)


def test_half_a_message_ends_with_the_time_limit(ends: Pair) -> None:
    ends[0].sendall(b"\0\0\0\0\0\0\0\x09{}")
    with pytest.raises(TimeoutError):
        receive(ends[1], time_limit_s=0.05)


def test_a_message_nobody_takes_ends_with_the_time_limit(ends: Pair) -> None:
    with pytest.raises(TimeoutError):
        send(ends[0], Message("open", arrays={"large": np.zeros(10**7)}), time_limit_s=0.05)


def test_a_closed_connection_is_the_end(ends: Pair) -> None:
    ends[0].close()
    with pytest.raises(EOFError):
        receive(ends[1])
