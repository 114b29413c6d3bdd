"""The worker or its session may die, hang or fail: one sentence says so, and no process is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from dsf_common.errors import UserError
from neuro_runtime.command_run import main as dsf_run
from neuro_runtime.policy import load_policy
from neuro_runtime.program.nodes import Accumulator, CurrentInput, Dense, Injection, Lif
from neuro_runtime.program.program import Program
from neuro_runtime.program.storage import save_program
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.worker.session import TimeLimits
from neuro_runtime.simulators.worker.wire import Message, send
from support.small_programs import block_program, make_program

REPOSITORY = Path(__file__).resolve().parents[4]
CURRENT = np.full(8, 900)
GONE_S = 20.0
DECIDED = "decided"  # the file that a run under test makes after its first decision
# dsf-run, whose worker has long to start on a busy machine and ten seconds for a decision of some 20 ms.
RUN = f"""
import sys
from pathlib import Path
from neuro_runtime.command_run import main
from neuro_runtime.simulators.worker.session import TimeLimits, WorkerSession

def decide(session, *arguments):
    answer = plainly(session, *arguments)
    Path({DECIDED!r}).touch()
    return answer

plainly, WorkerSession.decide = WorkerSession.decide, decide
TimeLimits.from_environment = classmethod(lambda limits: limits(start=180.0, decision=10.0))
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def _own_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what a failed worker printed is kept."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def session() -> Iterator[LavaSession]:
    """A session that is waiting for its first decision."""
    with LavaSession(block_program(), limits=TimeLimits(start=180.0, decision=30.0)) as session:
        yield session


@pytest.mark.lava
def test_worker_killed_in_the_middle_of_a_decision(session: LavaSession) -> None:
    with _soon(lambda: os.kill(session.pid, signal.SIGKILL)):
        sentence = _failure_of(session)
    assert sentence == f"the Lava worker ({os.environ['DSF_LAVA_PYTHON']}) ended while deciding, with signal SIGKILL"
    assert not _left_of(session.pid)
    with pytest.raises(UserError, match="the Lava worker has ended: open the policy again"):
        session.decide(CURRENT)


@pytest.mark.lava
def test_worker_hung(session: LavaSession) -> None:
    session._limits = TimeLimits(decision=1.0)
    os.kill(session.pid, signal.SIGSTOP)
    begun = time.monotonic()
    assert "the Lava worker was stopped because deciding took more than 1 s" in _failure_of(session)
    assert time.monotonic() - begun < 5
    assert not _left_of(session.pid)


@pytest.mark.lava
@pytest.mark.parametrize("after_s", [0.300, 0.306, 0.312, 0.318])
def test_one_of_lavas_processes_killed(session: LavaSession, after_s: float) -> None:
    """In whatever part of a decision, which takes some 20 ms; Lava itself would wait for it for ever."""
    with _soon(lambda: psutil.Process(session.pid).children()[5].kill(), after_s):
        assert "Lava failed while deciding: a Lava process ended with exit code -9" in _failure_of(session)
    assert not _left_of(session.pid)


@pytest.mark.lava
def test_error_in_one_of_lavas_processes() -> None:
    """Nor would Lava say what went wrong; here a program that nobody validated injects 3 currents into 2 neurons."""
    nodes = (CurrentInput("token", 2), Lif("lif", 2, 4095, 3072, 100), Accumulator("action", 1))
    connections = (Injection("token", "lif"), Dense("lif", "action", np.full((1, 2), 2)))
    program = make_program(nodes, connections, active_steps=1, period=20)
    object.__setattr__(program.nodes[0], "size", 3)
    with pytest.raises(UserError) as caught:
        LavaSession(program)
    sentence, _, log = str(caught.value).partition(" (all it printed is in ")
    assert sentence.startswith("Lava failed while starting: ValueError: ")
    assert "broadcast" in sentence
    printed = Path(log.removesuffix(")"))
    assert "in _injected_at" in printed.read_text(), "the whole traceback"


@pytest.mark.lava
def test_a_forked_process_is_refused_and_is_not_waited_for(session: LavaSession) -> None:
    ours = session.decide(CURRENT).accumulator
    session.reset()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            session.decide(CURRENT)
        except UserError as refusal:
            os.write(writing, str(refusal).encode())
        session.close()
        time.sleep(60)
        os._exit(0)
    try:
        sentence = os.read(reading, 1000).decode()
        assert f"this policy's Lava worker belongs to process {os.getpid()}" in sentence
        np.testing.assert_array_equal(session.decide(CURRENT).accumulator, ours)
        begun = time.monotonic()
        session.close()
        assert time.monotonic() - begun < 9, "the child still has the connection open"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.lava
def test_an_answer_to_another_request_is_refused(session: LavaSession) -> None:
    session.decide(CURRENT)
    session._worker._asked += 1
    send(session._worker._connection, Message("decide", arrays={"current": CURRENT.astype(np.int32)}, number=2))
    assert "answered request 2 while deciding, request 4" in _failure_of(session)


@pytest.mark.lava
def test_nothing_is_left_of_a_closed_session() -> None:
    session = LavaSession(block_program())
    session.close()
    session.close()
    assert not _left_of(session.pid, seconds=0.5)


@pytest.mark.lava
def test_nothing_is_left_of_a_forgotten_session() -> None:
    session = LavaSession(block_program())
    worker = session.pid
    del session
    assert not _left_of(worker)


@pytest.mark.lava
@pytest.mark.parametrize("end", ["exit", "raise", "interrupt", "kill"])
def test_nothing_outlives_the_process_of_a_session(end: str) -> None:
    """However that ends, with the session still open."""
    command = [sys.executable, "-m", "tests.neuro_runtime.simulators.lava.test_robustness", end]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        worker = int(owner.stdout.readline())
        assert len(_members(worker)) > 5
        print("go on", file=owner.stdin, flush=True)
        if end in SIGNALS:
            time.sleep(0.3)
            owner.send_signal(SIGNALS[end])
        try:
            assert owner.wait(GONE_S) == {"exit": 0, "raise": 1}.get(end, -SIGNALS.get(end, 0))
        finally:
            owner.kill()
    assert not _left_of(worker)


SIGNALS = {"interrupt": signal.SIGINT, "kill": signal.SIGKILL}


def _own_a_session(end: str) -> None:
    """The process of the test above."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in the background starts without
    session = LavaSession(block_program())
    print(session.pid, flush=True)
    input()
    if end == "raise":
        raise RuntimeError
    while end in SIGNALS:
        session.decide(CURRENT)


def test_lava_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_LAVA_PYTHON", sys.executable)
    with pytest.raises(UserError) as caught:
        LavaSession(block_program())
    assert str(caught.value) == (
        f"Lava is missing, {sys.executable} lacks it (No module named 'lava'): run `make setup`, or set "
        "DSF_LAVA_PYTHON to the Python 3.10 of an environment with lava-nc 0.10.0"
    )


@pytest.mark.parametrize("python", ["/nowhere/python", "/etc/passwd"])
def test_python_missing(monkeypatch: pytest.MonkeyPatch, python: str) -> None:
    monkeypatch.setenv("DSF_LAVA_PYTHON", python)
    with pytest.raises(UserError, match=f"^Lava is missing, there is no Python at {python}: run `make setup`"):
        LavaSession(block_program())


def test_python_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_LAVA_PYTHON", "/bin/false")
    with pytest.raises(UserError, match=r"^the Lava worker \(/bin/false\) ended while starting, with exit status 1"):
        LavaSession(block_program())


@pytest.mark.lava
def test_hardware_missing(tmp_path: Path) -> None:
    save_program(block_program(), tmp_path / "program.dsf.h5")
    with pytest.raises(UserError, match="running on Loihi needs lava-loihi, Intel's extension of Lava for members"):
        load_policy(tmp_path, backend="loihi")


@pytest.mark.lava
def test_start_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_LAVA_TIME_LIMIT", "0.2")
    with pytest.raises(UserError, match=r"stopped because starting took more than 0\.2 s"):
        LavaSession(block_program())


@pytest.mark.parametrize("value", ["soon", "0", "-1", "inf", "nan"])
def test_time_limit_is_a_number_of_seconds(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DSF_LAVA_TIME_LIMIT", value)
    with pytest.raises(UserError, match="DSF_LAVA_TIME_LIMIT must be a positive number of seconds"):
        TimeLimits.from_environment()


def test_float_program_is_refused() -> None:
    with pytest.raises(UserError, match="Lava runs programs in loihi arithmetic and this one is float"):
        LavaSession(_float(block_program()))


@pytest.mark.lava
@pytest.mark.parametrize("current", [np.ones(7, dtype=int), np.ones(8), np.ones((1, 8), dtype=int)])
def test_current_of_another_kind_is_refused(session: LavaSession, current: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"the host's input must be integers of shape \(8,\), got"):
        session.decide(current)


def test_command_line_says_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_program(block_program(), tmp_path / "program.dsf.h5")
    monkeypatch.setenv("DSF_LAVA_PYTHON", "/nowhere/python")
    assert dsf_run(["--backend", "loihi-sim", f"policy={tmp_path}"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [printed.err.strip()]
    assert printed.err.startswith("dsf-run: error: Lava is missing")


@pytest.mark.lava
@pytest.mark.parametrize(
    ("end", "sentence"),
    [(signal.SIGKILL, "ended while deciding, with signal SIGKILL"), (signal.SIGSTOP, "deciding took more than 10 s")],
)
def test_a_run_whose_worker_dies_or_hangs_ends_in_one_line(tmp_path: Path, end: signal.Signals, sentence: str) -> None:
    """In the middle of an episode of a shipped policy."""
    command = [sys.executable, "-c", RUN, "--backend", "loihi-sim", "env=pendulum"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        worker = _worker_in_an_episode(run, tmp_path / DECIDED)
        os.kill(worker, end)
        out, error = run.communicate(timeout=90)
    assert run.returncode == 2
    assert out == ""
    last = error.splitlines()[-1]
    assert last.startswith("dsf-run: error: the Lava worker")
    assert sentence in last
    assert "Traceback" not in error
    assert not _left_of(worker)
    assert not list(tmp_path.glob("runs/*/*"))


def _worker_in_an_episode(run: subprocess.Popen[str], decided: Path) -> int:
    """The worker of a run, once it has decided."""
    deadline = time.monotonic() + 180
    while not decided.exists():
        if run.poll() is not None or time.monotonic() > deadline:
            run.kill()
            pytest.fail("no worker decided")
        time.sleep(0.05)
    return next(child.pid for child in psutil.Process(run.pid).children() if os.getpgid(child.pid) == child.pid)


def _float(program: Program) -> Program:
    object.__setattr__(program, "arithmetic", "float")
    return program


def _failure_of(session: LavaSession) -> str:
    """The error that deciding ends with, sooner or later."""
    for _ in range(200):
        try:
            session.decide(CURRENT)
        except UserError as error:
            return str(error)
    pytest.fail("200 decisions went well")


@contextmanager
def _soon(action: Callable[[], None], after_s: float = 0.3) -> Iterator[None]:
    timer = threading.Timer(after_s, action)
    timer.start()
    yield
    timer.join()


def _left_of(group: int, seconds: float = GONE_S) -> list[psutil.Process]:
    """Members of a process group that are still there after at most ``seconds``."""
    deadline = time.monotonic() + seconds
    while (left := _members(group)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _members(group: int) -> list[psutil.Process]:
    members = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


if __name__ == "__main__":
    _own_a_session(sys.argv[1])
