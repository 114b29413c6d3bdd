"""``dsf-export``: a trained policy becomes a program for a chip, each stage compared with the one before it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from dsf_common.command_line import CommandParser, path, whole_number
from dsf_common.exit_status import run_command
from dsf_common.files import require_named_files
from dsf_export.source_file import source_file
from neuro_runtime.program.chip import Chip
from neuro_runtime.program.limits import FEWEST_WEIGHT_BITS, WEIGHT_BITS
from neuro_runtime.program.weight_format import DEFAULT_FORMAT, MOST_EXPONENTS

DEFAULT_DECISIONS = 200
PASS_CHOICES = ("none", "safe", "all")  # those of `dsf_export.optimise.passes`
DEFAULT_PASSES = "safe"
READER_NAMES = ("snntorch", "spikingjelly", "norse", "nir104", "sinabs", "spyx")  # those of `targets.nir_readers`
TARGET_NAMES = ("lava", "nir", "onnx", "netx")  # those of `dsf_export.targets`


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``dsf-export``."""
    return run_command(_main, "dsf-export", argv)


def _main(argv: list[str]) -> int:
    """Parse and look for the files first, so that neither ``--help`` nor a wrong path waits for PyTorch."""
    arguments = _parser().parse_intermixed_args(argv)
    source_file(arguments.source)
    require_named_files(arguments.overrides, ("calibration",))
    from dsf_export.export_of_call import carry_out

    carry_out(arguments)
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="dsf-export",
        description="Fold, lower and quantise a trained policy to a program of integer spiking neurons, compare every "
        "stage with the model on recorded decisions, and write it; a stage that does not match is refused (status 1).",
        values=lambda: TARGET_NAMES,
        formatter_class=argparse.HelpFormatter,
    )
    parser.add_argument(
        "source",
        type=path,
        metavar="MODEL",
        help="model.pt, the run folder with it, a program, or another framework's network (NIR, netx), told by content",
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="of a network of another framework: what its file does not say (from=snntorch|norse|sinabs|"
        "spikingjelly|rockpool|lava, dt=, reset=zero|subtract, compare=gt|ge, multispike=, tau_unit=seconds|steps, "
        "norm_input=), and its rounding (input=spikes|values, calibration=FILE.npz, terms=N, groups=N); see "
        "docs/importing.md",
    )
    parser.add_argument("--target", required=True, metavar="NAME", help=f"format to write: {', '.join(TARGET_NAMES)}")
    parser.add_argument(
        "--for",
        dest="reader",
        metavar="NAME",
        help="of --target nir: a framework that is to read the file and give the same spikes, "
        f"{', '.join(READER_NAMES)} (default: a file that dsf-export reads back)",
    )
    parser.add_argument(
        "--output", type=path, metavar="FILE", help="default: program with the target's suffix, beside the model"
    )
    parser.add_argument(
        "--decisions",
        type=whole_number,
        default=DEFAULT_DECISIONS,
        metavar="N",
        help="decisions of the policy in its environment to compare the stages on, and as many others to choose the "
        "quantisation on (default: %(default)s)",
    )
    parser.add_argument(
        "--bits",
        metavar="N",
        help=f"bits of a weight, {FEWEST_WEIGHT_BITS} to {WEIGHT_BITS} (default: {DEFAULT_FORMAT.bits}, or those that "
        "the model was trained through with quantise=true); several, as 8,6,4 or 8-2, add a table and a plot of how "
        "spike agreement falls, and the first is written",
    )
    parser.add_argument(
        "--exponents",
        type=whole_number,
        metavar="N",
        help=f"connections, each with its own exponent, that a weight matrix may become, 1 to {MOST_EXPONENTS} "
        f"(default: {DEFAULT_FORMAT.exponents}, likewise); synapses stay as many",
    )
    parser.add_argument(
        "--chip",
        metavar="NAME",
        help=f"whose arithmetic: {', '.join(Chip)} (default: {DEFAULT_FORMAT.chip}, in which the public emulators of "
        "Loihi agree, or that of training with quantise=true)",
    )
    parser.add_argument(
        "--passes",
        default=DEFAULT_PASSES,
        metavar="WHICH",
        help=f"how lean a policy's program becomes: {', '.join(PASS_CHOICES)}; `safe` passes keep every action to the "
        "bit; `all` also takes out neurons that never fired in 100 episodes, if they would not have in 100 others "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--resets",
        action="store_true",
        help="let neurons be reset at each token's begin, where that shortens a decision: Lava's simulator and "
        "loihi-fast can, nengo-loihi's Loihi 1 cannot, so the program is outside the portable subset",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
