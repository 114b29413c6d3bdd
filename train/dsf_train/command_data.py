"""`dsf-data`: which datasets are here, what is in one, and how to get one."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field

from dsf_common.command_line import CommandParser
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import describe_keys
from dsf_train.dataset_options import DatasetOptions, Unfinished
from neuro_runtime.environments.spec import environment_names


@dataclass
class InfoOptions:
    """The ``key=value`` pairs of ``dsf-data info``."""

    env: str | None = field(default=None, metadata={"help": "environment of a dataset that does not say its own"})
    unfinished: Unfinished = field(
        default=Unfinished.drop, metadata={"help": "steps after the last end mark: drop or keep"}
    )
    observation_keys: str | None = field(
        default=None, metadata={"help": "parts of observations to join, with commas (default: as the environment does)"}
    )
    action_low: str | None = field(default=None, metadata={"help": "lower bound of the actions, one or one each"})
    action_high: str | None = field(default=None, metadata={"help": "upper bound of the actions, likewise"})

    @property
    def dataset_options(self) -> DatasetOptions:
        """How the user wants the dataset to be read."""
        return DatasetOptions.of(self.action_low, self.action_high, self.unfinished, self.observation_keys)


def main(argv: list[str] | None = None) -> int:
    """Entry point of `dsf-data`."""
    return run_command(_main, "dsf-data", argv)


def _main(argv: list[str]) -> int:
    """Parse first, so that ``--help`` need not wait for what reads datasets."""
    arguments = _parser().parse_args(argv)
    from dsf_train.data_of_call import carry_out

    carry_out(arguments)
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(prog="dsf-data", description=__doc__, values=environment_names)
    anywhere = CommandParser(add_help=False)  # so that --json may come before or after the command
    anywhere.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="put one JSON document on stdout"
    )
    parser.add_argument("--json", action="store_true", help="put one JSON document on stdout")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", parents=[anywhere], help="every environment, and where its dataset is")
    info = commands.add_parser(
        "info",
        parents=[anywhere],
        help="say what a dataset holds",
        epilog=f"keys:\n{describe_keys(InfoOptions)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    info.add_argument("dataset", help="a file, a Minari folder or id, several with commas, or an environment's name")
    info.add_argument("options", nargs="*", metavar="key=value", help="env=NAME, and how to read the dataset")
    fetch = commands.add_parser("fetch", parents=[anywhere], help="get an environment's dataset")
    fetch.add_argument("environment", metavar="env=NAME")
    return parser


if __name__ == "__main__":
    sys.exit(main())
