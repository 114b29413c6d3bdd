"""Where a run is saved: ``trace.h5``, every decision; ``run.json``, the summary that reports start from.

A run of a program also has its network, which a report places on chips, and the spikes of one of its decisions.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dsf_common.errors import UserError, first_line
from dsf_common.files import atomic_write
from hw_profiles.network_file import save_network
from hw_profiles.raster_file import save_raster
from hw_profiles.run_record import RECORD
from neuro_runtime.records.run_summary import NETWORK, RASTER, RunSummary
from neuro_runtime.records.trace import save_trace, trace_of

TRACE = "trace.h5"
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
    folder = (
        Path(out)
        if out is not None
        else _unused(RUNS / environment / f"run-{backend}-{time.strftime('%Y%m%d-%H%M%S')}")
    )
    if (folder / RECORD).exists():
        raise UserError(f"{folder} already holds a run: give another out=…")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {first_line(error)}") from error
    try:
        yield folder
    finally:
        with suppress(OSError):
            folder.rmdir()  # only succeeds on an empty folder: a run that was saved stays


def save_run(folder: Path, summary: RunSummary) -> None:
    """Write what the record names, then the record, which makes the folder a run."""
    save_trace(trace_of(summary.rollout, summary.provenance), folder / TRACE)
    if summary.network is not None:
        save_network(summary.network, folder / NETWORK)
    if summary.raster is not None:
        save_raster(summary.raster, folder / RASTER)
    with atomic_write(folder / RECORD) as temporary:
        temporary.write_text(json.dumps(summary.document(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _unused(folder: Path) -> Path:
    """The folder itself, or with the first number that makes its name new."""
    candidates = (folder.with_name(f"{folder.name}-{number}") for number in range(2, 1000))
    return folder if not folder.exists() else next(path for path in candidates if not path.exists())
