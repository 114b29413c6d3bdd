"""``dsf-export`` of a network of another framework: read, lower, quantise, compare, write."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dsf_common.documents import print_document
from dsf_common.errors import GateFailed, UserError
from dsf_common.files import atomic_write
from dsf_common.text_table import percent, text_table
from dsf_export.command_export import DEFAULT_DECISIONS, DEFAULT_PASSES
from dsf_export.sources.content import Content, content_of
from dsf_export.sources.float_network import FloatNetwork
from dsf_export.sources.import_document import import_document, warnings_of
from dsf_export.sources.imported import Imported, import_network
from dsf_export.sources.quantise_network import HEAVIEST
from dsf_export.sources.read_source import read_network, source_options
from dsf_export.sources.stage_rows import StageRow
from dsf_export.targets import NETX, NIR, ONNX, Target
from dsf_export.targets.netx import LARGEST_NETX_WEIGHT, write_netx
from neuro_runtime.program import load_spiking_program, program_hash, save_program
from neuro_runtime.program.chip import Chip, find_chip
from neuro_runtime.program.summary import summary
from neuro_runtime.sources import OpenedNetwork

LAVA_TARGET = "lava"
OUTPUTS = {"spikes": "spikes", "membrane": "membranes"}


def import_file(
    source: Path,
    content: Content,
    pairs: Sequence[str],
    chip: Chip = Chip.portable,
    largest_weight: int = HEAVIEST,
) -> Imported:
    """The program of a file and how it was reached.

    Raises
    ------
    UserError
        The file or an option cannot be used, or the network has no exact form on a chip.
    """
    options = source_options(pairs)
    return import_network(read_network(source, content, options), options, source, chip, largest_weight)


def program_of_file(source: Path, pairs: Sequence[str]) -> OpenedNetwork:
    """The program of a file of another framework, for whoever runs it at once, and what its conversion has to say.

    Raises
    ------
    UserError
        As :func:`import_file`, or the file is no network of another framework.
    """
    content = content_of(source)
    if content == "our nir":
        raise UserError(f"{source} was written by dsf-export and holds a policy, which is given no samples")
    if content not in ("nir", "netx"):
        raise UserError(f"{source} is no network of another framework (NIR or netx)")
    imported = import_file(source, content, pairs)
    return OpenedNetwork(
        imported.program, (*_origin_lines(imported.network, imported.calibration), *warnings_of(imported))
    )


def carry_out_import(
    arguments: argparse.Namespace, source: Path, content: Content, target: Target, output: Path
) -> None:
    """Do what ``dsf-export`` was asked for, of such a file.

    Raises
    ------
    UserError
        As :func:`import_file`, or the target takes policies alone.
    GateFailed
        A stage does not match the one before; nothing is written.
    """
    _refuse_what_is_for_policies(arguments)
    if target.name == NIR:
        _carry_out_for_reader(arguments, source, content, output)
        return
    chip = Chip.portable if arguments.chip is None else find_chip(arguments.chip)
    if target.name == NETX:
        terms = ["terms=1"] if content == "nir" else []  # one matrix of 8-bit weights a layer
        imported = import_file(source, content, [*terms, *arguments.overrides], chip, LARGEST_NETX_WEIGHT)
        write_netx(imported.program, output)
    else:
        imported = import_file(source, content, arguments.overrides, chip)
        if target.name == ONNX:
            imported = _write_onnx(imported, output)
        else:
            _write_program(imported, output)
    if arguments.json:
        print_document({"target": target.name, "output": str(output), **import_document(imported)})
    else:
        print(f"{text_of(imported)}\n\nwrote {output}")


def _carry_out_for_reader(arguments: argparse.Namespace, source: Path, content: Content, output: Path) -> None:
    if arguments.reader is None:
        raise UserError(
            "a network of another framework is written as NIR for one framework that reads it: give --for NAME; a "
            f"program of it is --target {LAVA_TARGET}"
        )
    from dsf_export.sources.for_reader import reader_document, rewrite  # needs nir

    rewritten = rewrite(source, content, arguments, output)
    if arguments.json:
        print_document({"target": NIR, "output": str(output), **reader_document(rewritten)})
        return
    print("\n".join(_origin_lines(rewritten.network, rewritten.calibration)))
    print("\nstages, each compared with the one before")
    print(f"{_stage_table(rewritten.rows)}\n\nwrote {output} for {rewritten.reader.name}")


def _write_onnx(imported: Imported, output: Path) -> Imported:
    from dsf_export.targets.onnx.sample_file import write_checked  # needs the `onnx` extra

    row = write_checked(imported.program, imported.samples, output)
    return replace(imported, rows=(*imported.rows, row))


def _write_program(imported: Imported, output: Path) -> None:
    with atomic_write(output) as temporary:
        save_program(imported.program, temporary)
        if program_hash(load_spiking_program(temporary)) != program_hash(imported.program):
            raise GateFailed("the file as written gives another program when it is read; none is left")


def _refuse_what_is_for_policies(arguments: argparse.Namespace) -> None:
    if (arguments.bits, arguments.exponents) != (None, None):
        raise UserError("--bits and --exponents are for policies; terms=N says how many 8-bit terms a weight has")
    asked = (
        ("--decisions", arguments.decisions != DEFAULT_DECISIONS),
        ("--passes", arguments.passes != DEFAULT_PASSES),
        ("--resets", arguments.resets),
    )
    for option in (option for option, is_asked in asked if is_asked):
        raise UserError(f"{option} is for policies, not for a network of another framework: leave it out")


def text_of(imported: Imported) -> str:
    """An import for a person to read."""
    network, program = imported.network, imported.program
    lines = [
        f"network {network.name}: input {list(network.shapes[network.input])} of {program.encoder.kind}, output "
        f"{list(program.output_shape)} of {OUTPUTS[program.outputs[0].quantity]}, {program.latency} time steps later",
        *_origin_lines(imported.network, imported.calibration),
        "",
        summary(program),
        "",
        "layers: spikes in float, places in which the integers' differ, the threshold in integers, and the largest",
        "states of 24 bits and arrivals of 21 that were observed, as a share of their limit",
        _layer_table(imported),
        "",
        "stages, each compared with the one before (its output, where it is another form of the network)",
        _stage_table(imported.rows),
    ]
    if imported.membrane_error is not None:
        lines += ["", f"output membranes: integers differ by up to {percent(imported.membrane_error)} of the largest"]
    warnings = warnings_of(imported)
    return "\n".join([*lines, "", *warnings] if warnings else lines)


def _origin_lines(network: FloatNetwork, calibration: str) -> list[str]:
    """Each convention with where it comes from, what was repaired, and the samples that scales were chosen by."""
    return [
        *(f"{name} = {value}" for name, value in network.origin.items()),
        *(f"repaired: {note}" for note in network.notes),
        f"calibration: {calibration}",
    ]


def _layer_table(imported: Imported) -> str:
    header = ("layer", "neurons", "spikes", "different", "of spikes", "threshold", "|u|", "|v|", "arrival")
    rows = [
        (
            layer.layer,
            str(layer.neurons),
            f"{layer.spikes:,}",
            f"{layer.different:,}",
            _share(layer.different, layer.spikes),
            f"{layer.scale:.0f}",
            f"{layer.current:.3f}",
            f"{layer.voltage:.3f}",
            f"{layer.arriving:.3f}",
        )
        for layer in imported.layers
    ]
    return text_table([header, *rows])


def _stage_table(stages: Sequence[StageRow]) -> str:
    rows = [
        (row.stage, f"{row.spikes:,}", f"{row.compared:,}", f"{row.different:,}", f"{row.same_class}/{row.samples}")
        for row in stages
    ]
    return text_table([("stage", "spikes", "places", "different", "same class"), *rows])


def _share(part: int, whole: int) -> str:
    """A share of spikes; of no spikes there is none."""
    return percent(part / whole) if whole else "–"
