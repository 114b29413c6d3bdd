"""A saved run's report as files: ``report.html`` and ``report.json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsf_common.checksum import with_checksum
from dsf_common.errors import UserError
from dsf_common.files import atomic_write
from dsf_common.json_text import json_text
from hw_profiles.loader import load_profiles
from hw_profiles.pareto_front import load_front
from hw_profiles.report.assemble import default_profiles, report_of
from hw_profiles.report.comparison import Comparison
from hw_profiles.report.document.report import Report
from hw_profiles.report.page_writer import check_libraries, comparison_page_text, page_text
from hw_profiles.report.saved_run import load_run
from hw_profiles.run_record import record_path

PAGE = "report.html"
DOCUMENT = "report.json"
COMPARISON_PAGE = "comparison.html"
COMPARISON_DOCUMENT = "comparison.json"


@dataclass(frozen=True)
class WrittenReport:
    """A report and where its page is."""

    report: Report
    page: Path


def make_report(run: str | Path, profiles: Sequence[str], front: Path | None = None) -> Report:
    """Price a saved run.

    Parameters
    ----------
    run
        Folder that ``dsf-run`` wrote.
    profiles
        Names or files; none means every shipped one.
    front
        File of a front of the run's environment; none means the shipped one, where there is one.

    Raises
    ------
    UserError
        The run, a profile or the front cannot be read, or no profile can price it.
    """
    chosen = load_profiles(profiles or default_profiles())
    return report_of(load_run(record_path(run)), chosen, None if front is None else load_front(front))


def write_report(
    run: str | Path, profiles: Sequence[str], out: Path | None = None, front: Path | None = None
) -> WrittenReport:
    """Price a saved run as :func:`make_report` does, and write its report into ``out`` (default: the run's folder).

    Raises
    ------
    UserError
        The same as there, ``out`` is a file, or a library of the page is not installed.
    """
    check_libraries()
    require_folder(out)
    report = make_report(run, profiles, front)
    folder = record_path(run).parent if out is None else out
    _write_document(folder / DOCUMENT, report.document())
    _write(folder / PAGE, page_text(report))
    return WrittenReport(report, folder / PAGE)


def folder_of_report(asked: str | None) -> Path | None:
    """The folder for the report that a call asks for; None where that is the run's own, or no report is asked for.

    Parameters
    ----------
    asked
        A folder, empty for the run's own; None for no report.

    Raises
    ------
    UserError
        The report could not be written: the folder is a file, or a library of the page is not installed.
    """
    folder = Path(asked).expanduser() if asked else None
    if asked is not None:
        check_libraries()
        require_folder(folder)
    return folder


def require_folder(out: Path | None) -> None:
    """Refuse a file as the folder of a report, before a long run rather than after it.

    Raises
    ------
    UserError
        ``out`` is a file.
    """
    if out is not None and out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file, and a report is written into a folder: name another")


def write_comparison(comparison: Comparison, out: Path) -> Path:
    """Write a comparison into ``out``; where its page is.

    Raises
    ------
    UserError
        A library of the page is not installed.
    """
    _write(out / COMPARISON_PAGE, comparison_page_text(comparison))
    _write_document(out / COMPARISON_DOCUMENT, comparison.document())
    return out / COMPARISON_PAGE


def _write_document(path: Path, document: dict[str, Any]) -> None:
    _write(path, json_text(with_checksum(document), indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
