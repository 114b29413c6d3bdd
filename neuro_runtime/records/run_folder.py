"""Where a run is saved: ``trace.h5``, every decision; ``run.json``, the summary that reports start from.

A run of a program also has its network, which a report places on chips, and the spikes of one of its decisions.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from dsf_common.errors import UserError, first_line
from dsf_common.files import atomic_write
from dsf_common.folder_lock import locked_folder
from dsf_common.json_text import json_text
from hw_profiles.network_file import save_network
from hw_profiles.raster_file import save_raster
from hw_profiles.run_record import RECORD, TRACE
from neuro_runtime.records.run_summary import NETWORK, RASTER, RunSummary
from neuro_runtime.records.trace import save_trace, trace_of

RUNS = Path("runs")


@contextmanager
def run_folder(environment: str, backend: str, out: str | None) -> Iterator[Path]:
    """Make the folder before the run, so that a long one never ends with nowhere to be saved.

    A run that fails leaves no empty folder behind.

    Raises
    ------
    UserError
        ``out`` already holds a run, or the folder cannot be made.
    """
    with ExitStack() as held:
        try:
            folder = Path(out).expanduser() if out is not None else _new(RUNS / environment, f"run-{backend}-{_now()}")
            held.enter_context(locked_folder(folder))
        except OSError as error:
            raise UserError(f"cannot make the folder {out or RUNS}: {first_line(error)}") from error
        if (folder / RECORD).exists():
            raise UserError(f"{folder} already holds a run: give another out=…")
        yield folder


def save_run(folder: Path, summary: RunSummary) -> None:
    """Write what the record names, then the record, which makes the folder a run; leave nothing where that fails."""
    try:
        _save(folder, summary)
    except BaseException:
        for name in (RECORD, TRACE, NETWORK, RASTER):
            (folder / name).unlink(missing_ok=True)
        raise


def _save(folder: Path, summary: RunSummary) -> None:
    save_trace(trace_of(summary.rollout, summary.provenance), folder / TRACE)
    if summary.network is not None:
        save_network(summary.network, folder / NETWORK)
    if summary.raster is not None:
        save_raster(summary.raster, folder / RASTER)
    with atomic_write(folder / RECORD) as temporary:
        temporary.write_text(json_text(summary.document(), indent=2) + "\n", encoding="utf-8")


def _now() -> str:
    return time.strftime("%Y%m%d-%H%M%S")


def _new(parent: Path, name: str) -> Path:
    """Make a folder of that name, or with the first number that makes it new; no other process has it then."""
    parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError("numbers end nowhere")
