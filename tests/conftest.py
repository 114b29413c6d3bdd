"""The conditions of every test: few threads, its own cache and working directory, and Lava where `make` puts it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.clean_install import build_wheel

REPOSITORY = Path(__file__).resolve().parents[1]

# Numerical libraries read these once, when first imported. The networks here are small, and beside another process of
# tests a second thread only waits for its turn.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
os.environ.setdefault("DSF_LAVA_PYTHON", str(REPOSITORY / ".venv-lava" / "bin" / "python"))


@pytest.fixture(scope="session", autouse=True)
def _own_temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder for temporary files, which goes with the session.

    Libraries leave some: gymnasium-robotics its mazes, torchrun its logs, multiprocessing the sockets of whatever was
    killed.
    """
    tmp_path_factory.getbasetemp()  # made before, where pytest keeps the last three
    with (
        tempfile.TemporaryDirectory(prefix="dsf-tests-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Generated datasets are cached for the session, and never taken from the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DSF_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _own_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files written to a relative path (runs, MuJoCo's log) land in the test's own folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's wheel."""
    return build_wheel(tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel"))
