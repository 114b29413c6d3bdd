"""``dsf-report``: what a saved run costs, as a page, as JSON and in the terminal; or two runs compared.

Modules that read profiles and draw pages are imported where they are used, so that ``--help`` need not wait for them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from dsf_common.command_line import CommandParser, path
from dsf_common.documents import print_document
from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from dsf_common.text_table import text_table


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``dsf-report``."""
    return run_command(_main, "dsf-report", argv)


def _main(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    if arguments.list:
        _refuse_beside_list(arguments)
        _print_profiles(as_json=arguments.json)
        return 0
    match arguments.run:
        case [run]:
            _report(run, arguments)
        case [first, second]:
            _compare(first, second, arguments)
        case []:
            raise UserError("name a run that dsf-run saved, or use --list")
        case runs:
            raise UserError(f"{len(runs)} runs are too many: name one to report on, or two to compare")
    return 0


def _refuse_beside_list(arguments: argparse.Namespace) -> None:
    if arguments.run:
        raise UserError(f"--list takes no run: leave out {' '.join(arguments.run)}, or --list")
    for option in ("profile", "out", "front"):
        if getattr(arguments, option):
            raise UserError(f"--{option} is for the report of a run: leave it out, or --list")


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="dsf-report",
        description="What a saved run's average decision costs: writes report.html and report.json. "
        "With two runs: what changed from the first to the second.",
        values=_profile_names,
        formatter_class=argparse.HelpFormatter,
    )
    parser.add_argument("run", nargs="*", metavar="RUN", help="folder written by dsf-run")
    parser.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="NAME|FILE.yaml",
        help="chip or convention to price it by, the first on top; repeat for several (default: every shipped one)",
    )
    parser.add_argument(
        "--out", type=path, metavar="DIR", help="folder to write in (default: the run's; a comparison is only printed)"
    )
    parser.add_argument(
        "--front",
        type=path,
        metavar="FILE.json",
        help="front of score against energy to draw the run in, as dsf-bench front wrote it (default: the task's "
        "shipped one, if there is one)",
    )
    parser.add_argument("--list", action="store_true", help="list the shipped profiles")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


def _report(run: str, arguments: argparse.Namespace) -> None:
    from hw_profiles.report.summary import report_summary
    from hw_profiles.report.write import write_report

    written = write_report(run, arguments.profile, arguments.out, arguments.front)
    if arguments.json:
        print_document(written.report.document())
    else:
        print(report_summary(written.report), f"report {written.page}", sep="\n\n")


def _compare(first: str, second: str, arguments: argparse.Namespace) -> None:
    from hw_profiles.report.comparison import compare, comparison_text
    from hw_profiles.report.write import make_report, require_folder, write_comparison

    if arguments.front is not None:
        raise UserError("--front is drawn in the report of one run, and these are two: leave it out")
    require_folder(arguments.out)
    reports = (make_report(first, arguments.profile), make_report(second, arguments.profile))
    comparison = compare((first, second), reports)
    page = None if arguments.out is None else write_comparison(comparison, arguments.out)
    if arguments.json:
        print_document(comparison.document())
    else:
        print("\n\n".join([comparison_text(comparison), *([] if page is None else [f"comparison {page}"])]))


def _profile_names() -> list[str]:
    from hw_profiles.loader import profile_names

    return profile_names()


def _print_profiles(as_json: bool) -> None:
    from hw_profiles.loader import load_profile

    titles = {name: load_profile(name).title for name in _profile_names()}
    if as_json:
        print_document(titles)
        return
    print(text_table(list(titles.items()), numbers=False))


if __name__ == "__main__":
    raise SystemExit(main())
