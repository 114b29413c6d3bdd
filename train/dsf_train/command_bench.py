"""`dsf-bench`: grids of training runs, resumed where they stopped, as tables and plots."""

from __future__ import annotations

import sys
from pathlib import Path

from dsf_common.command_line import CommandParser
from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_train.bench.options import BenchOptions, refuse_others
from neuro_runtime.environments.spec import environment_names

DESCRIPTION = """\
Train a grid of models, environments and seeds, and write its table and plot. Each run is one of dsf-train, in its own
folder, runs/<env>/<name>-<row>-seed<n>; a sweep that was killed goes on where it stopped, and what has finished is not
repeated. Runs are side by side on Ray where it is installed, else one after another.

  scores     DSFormer (PSSA, TSSA), Decision Transformer, Decision ConvFormer, MLP, spiking MLP, CQL, FCNet, SpikeGPT,
             SpikeBERT
  ablations  token mixings, norms, T, S, and delayed reward
  front      score against synops and energy: one environment, trained at several values of energy_price (or
             synop_price) and, by time_steps=1,2,4, blocks= and embedding_size=, in several sizes, exported, and run in
             fixed point

train.KEY=VALUE sets an option of dsf-train for all runs whose model takes it, before what a row changes:
train.model.embedding_size=64."""


def main(argv: list[str] | None = None) -> int:
    """Entry point of `dsf-bench`."""
    return run_command(_main, "dsf-bench", argv)


def _main(argv: list[str]) -> int:
    parser = CommandParser(
        prog="dsf-bench", description=DESCRIPTION, configuration=lambda: BenchOptions, values=environment_names
    )
    parser.add_argument("what", choices=("scores", "ablations", "front"))
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="see below")
    parser.add_argument("--table-only", action="store_true", help="run nothing: make the table of what has finished")
    arguments = parser.parse_intermixed_args(argv)
    pairs = [pair for pair in arguments.overrides if not pair.startswith("train.")]
    options = compose(BenchOptions, pairs)
    refuse_others(arguments.what, pairs)
    if options.datasets is not None and not Path(options.datasets).expanduser().is_dir():
        raise UserError(f"there is no folder {options.datasets}: datasets= names the one that holds the datasets")
    from dsf_train.bench.sweeps import score_against_energy, table_of_grid  # not sooner: they bring PyTorch

    command = [arguments.what, *arguments.overrides]
    try:
        if arguments.what == "front":
            score_against_energy(options, command, arguments.table_only)
        else:
            table_of_grid(arguments.what, options, command, arguments.table_only)
    except KeyboardInterrupt as interruption:
        raise KeyboardInterrupt("the same call goes on where it stopped") from interruption
    return 0


if __name__ == "__main__":
    sys.exit(main())
