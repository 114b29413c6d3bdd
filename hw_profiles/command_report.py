"""``dsf-report``: what a saved run costs by one or more profiles."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from hw_profiles.activity import ActivityCounts
from hw_profiles.command import run_command
from hw_profiles.energy import EnergyEstimate, estimate_energy
from hw_profiles.errors import UserError
from hw_profiles.files import atomic_write
from hw_profiles.loader import load_profile, profile_names
from hw_profiles.report import estimate_text, estimates_document
from hw_profiles.run_record import load_counts, record_path

REPORT = "report.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``dsf-report``."""
    return run_command(_main, "dsf-report", argv)


def _main(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    if arguments.list:
        _print_profiles(as_json=arguments.json)
        return 0
    if arguments.run is None:
        raise UserError("name a run that dsf-run saved, or use --list")
    record = record_path(arguments.run)
    counts = load_counts(record)
    estimates = [estimate_energy(counts, load_profile(name)) for name in arguments.profile or profile_names()]
    document = _document(record, counts, estimates)
    report = record.parent / REPORT
    with atomic_write(report) as temporary:
        temporary.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if arguments.json:
        print(json.dumps(document, ensure_ascii=False))
    else:
        print("\n".join([*map(estimate_text, estimates), f"report: {report}"]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dsf-report", description="Energy of a saved run's average decision.")
    parser.add_argument("run", nargs="?", metavar="RUN", help="folder written by dsf-run")
    parser.add_argument(
        "--profile",
        action="append",
        metavar="NAME|FILE.yaml",
        help="chip or convention to price it by; repeat for several (default: every shipped one)",
    )
    parser.add_argument("--list", action="store_true", help="list the shipped profiles")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


def _print_profiles(as_json: bool) -> None:
    titles = {name: load_profile(name).title for name in profile_names()}
    if as_json:
        print(json.dumps(titles, ensure_ascii=False))
        return
    width = max(map(len, titles))
    for name, title in titles.items():
        print(f"{name:<{width}}  {title}")


def _document(record: Path, counts: ActivityCounts, estimates: Sequence[EnergyEstimate]) -> dict[str, object]:
    return {
        "run": str(record.parent),
        "activity": dataclasses.asdict(counts),
        "estimates": estimates_document(estimates),
    }
