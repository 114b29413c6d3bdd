"""A saved run's report as files: ``report.html`` and ``report.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hw_profiles.files import atomic_write
from hw_profiles.loader import load_profile
from hw_profiles.report.assemble import default_profiles, load_run, report_of
from hw_profiles.report.document import Report
from hw_profiles.report.page_writer import page_text
from hw_profiles.run_record import record_path

PAGE = "report.html"
DOCUMENT = "report.json"


@dataclass(frozen=True)
class WrittenReport:
    """A report and where its page is."""

    report: Report
    page: Path


def write_report(run: str | Path, profiles: Sequence[str], out: Path | None = None) -> WrittenReport:
    """Price a saved run and write its report.

    Parameters
    ----------
    run
        Folder that ``dsf-run`` wrote.
    profiles
        Names or files; none means every shipped one.
    out
        Folder to write in; the run's own unless given.

    Raises
    ------
    UserError
        The run or a profile cannot be read, no profile can price it, or a library of the page is not installed.
    """
    record = record_path(run)
    report = report_of(load_run(record), [load_profile(name) for name in profiles or default_profiles()])
    folder = record.parent if out is None else out
    _write(folder / DOCUMENT, json.dumps(report.document(), indent=1, ensure_ascii=False) + "\n")
    _write(folder / PAGE, page_text(report))
    return WrittenReport(report, folder / PAGE)


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
