"""`dsf-train`: from a dataset to model.pt."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from dsf_common.command_line import CommandParser, path
from dsf_common.documents import print_document
from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from dsf_common.files import require_readable
from neuro_runtime.environments.spec import environment_names

if TYPE_CHECKING:
    from dsf_train.configuration import TrainConfig

DESCRIPTION = """\
Train a policy, a Decision SpikeFormer unless told otherwise, on an environment's dataset; writes runs/<env>/<name>/
with model.pt, config.yaml, metrics.jsonl and TensorBoard events. Options are key=value pairs, such as steps=5000,
dataset=FILE or model.mixing=delay, all listed below. env=NAME also brings that environment's recipe, if there is one.
model.kind=decision-transformer, decision-convformer, mlp, difference-mlp, spiking-mlp, fcnet, spikegpt, spikebert,
cql, iql or td3bc trains a baseline in the DSFormer's place, with its published settings where it has any. quantise=true
goes on with a trained policy (policy=FILE, or the one that ships) through weights of Loihi's format (quantise_bits=4),
and says what that gained."""


def main(argv: list[str] | None = None) -> int:
    """Entry point of `dsf-train`."""
    return run_command(_main, "dsf-train", argv)


def _main(argv: list[str]) -> int:
    parser = CommandParser(
        prog="dsf-train", description=DESCRIPTION, configuration=_configuration, values=environment_names
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="env=NAME, and any option of the run")
    parser.add_argument(
        "--resume", action="store_true", help="go on with a run that was killed; env= and name= are enough"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a run of the same name")
    parser.add_argument("--json", action="store_true", help="put one JSON document on stdout")
    parser.add_argument(
        "--import-published",
        type=path,
        metavar="FILE",
        help="do not train: turn a checkpoint of the paper's published code into runs/<env>/<name>/model.pt",
    )
    parser.add_argument(
        "--relative",
        action="store_true",
        help="with --import-published: turn PSSA's position weights of pairs of places into weights of distances, "
        "which stream and have a program, and score the policy with both, final_episodes each",
    )
    return _carry_out(parser.parse_intermixed_args(argv))


def _configuration() -> type[TrainConfig]:
    from dsf_train.configuration import TrainConfig

    return TrainConfig


def _carry_out(arguments: argparse.Namespace) -> int:
    """Do as was asked; PyTorch is imported here, so that neither ``--help`` nor a wrong option or path waits for it."""
    from dsf_train.run_options import how_to_go_on, refuse_beside_import, require_files, resumed_config, training_config

    if arguments.resume and arguments.overwrite:
        raise UserError("--resume goes on with a run, and --overwrite replaces it: give one of them")
    if arguments.import_published and arguments.resume:
        raise UserError("--resume goes on with a training, and --import-published does not train: give one of them")
    config = (resumed_config if arguments.resume else training_config)(arguments.overrides)
    require_files(config)
    if arguments.import_published:
        require_readable(arguments.import_published, f"there is no checkpoint {arguments.import_published}")
        refuse_beside_import(arguments.overrides, scored=arguments.relative)
        from dsf_train.import_published import import_published

        imported = import_published(arguments.import_published, config, arguments.overwrite, arguments.relative)
        if arguments.json:
            print_document(imported.document())
        else:
            print(imported.text())
        return 0
    if arguments.relative:
        raise UserError("--relative belongs to --import-published; train with model.position_bias=relative instead")
    from dsf_models import distributed
    from dsf_train.result_text import result_document, result_text
    from dsf_train.trainer import train

    with distributed.joined(config.device):
        try:
            result = train(config, resume=arguments.resume, overwrite=arguments.overwrite)
        except KeyboardInterrupt as interruption:
            raise KeyboardInterrupt(how_to_go_on(config)) from interruption
        if distributed.is_first():
            if arguments.json:
                print_document(result_document(result))
            else:
                print(result_text(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
