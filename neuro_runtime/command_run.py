"""``dsf-run``: a policy in closed loop on any backend, counted and saved."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence

from dsf_common.command_line import CommandParser, path
from dsf_common.exit_status import run_command
from neuro_runtime.backends.names import LAVAS, backend_names
from neuro_runtime.environments.spec import environment_names
from neuro_runtime.run_options import DEFAULT_PROFILES, RunConfiguration

IN_RUN_FOLDER = ""  # --report without a folder of its own
SUITING_THE_BACKEND = ""  # --check without a simulator's name


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``dsf-run``."""
    return run_command(_main, "dsf-run", argv)


def _main(argv: list[str]) -> int:
    """Parse first, so that ``--help`` need not wait for simulators and environments."""
    arguments = _arguments(argv)
    from neuro_runtime.run_of_call import carry_out

    carry_out(arguments, shlex.join(["dsf-run", *argv]))
    return 0


def _arguments(argv: list[str]) -> argparse.Namespace:
    """The parsed call. ``--report env=pen-e`` gives no folder, nor ``--check env=pen-e`` a name: they give a pair."""
    arguments = _parser().parse_intermixed_args(argv)
    if arguments.report and "=" in arguments.report:
        arguments.overrides.append(arguments.report)
        arguments.report = IN_RUN_FOLDER
    if arguments.check and "=" in arguments.check:
        arguments.overrides.append(arguments.check)
        arguments.check = SUITING_THE_BACKEND
    return arguments


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="dsf-run",
        description="Run a policy in closed loop; print scores, spikes, synops and energy; save every decision.",
        configuration=lambda: RunConfiguration,
        values=environment_names,
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="what to run, see below")
    parser.add_argument(
        "--backend",
        metavar="NAME",
        help=f"what runs it: {', '.join(backend_names())} (default: {LAVAS} where Lava is installed, else the same "
        "arithmetic by another)",
    )
    parser.add_argument(
        "--check",
        nargs="?",
        const=SUITING_THE_BACKEND,
        metavar="NAME",
        help="run simulator NAME beside the backend and stop at the first neuron in which they differ (status 1; "
        "default: loihi-fast): any two of interpreter, loihi-fast, loihi-sim and nengo-loihi",
    )
    parser.add_argument("--video", type=path, metavar="FILE", help="film the episodes to FILE.mp4 or FILE.gif")
    parser.add_argument(
        "--profile",
        action="append",
        metavar="NAME|FILE.yaml",
        help=f"price the run by it; repeat for several (default: {', '.join(DEFAULT_PROFILES)})",
    )
    parser.add_argument(
        "--report",
        nargs="?",
        const=IN_RUN_FOLDER,
        metavar="DIR",
        help="also run the trained model, if it is there, and write report.html and report.json (default: in the run)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
