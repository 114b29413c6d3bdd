"""``dsf-export`` of a network of another framework: read, lower, quantise, compare, write."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dsf_common.errors import GateFailed, UserError
from dsf_common.files import atomic_write
from dsf_common.json_text import json_text
from dsf_common.text_table import percent, text_table
from dsf_export.sources.content import Content, content_of
from dsf_export.sources.imported import Imported, document, import_network
from dsf_export.sources.read_source import read_network, source_options
from dsf_export.targets import Target
from neuro_runtime.program import SampleProgram, load_spiking_program, program_hash, save_program
from neuro_runtime.program.chip import Chip, find_chip
from neuro_runtime.program.summary import summary

LAVA_TARGET = "lava"
OUTPUTS = {"spikes": "spikes", "membrane": "membranes"}


def import_file(source: Path, content: Content, pairs: Sequence[str], chip: Chip = Chip.portable) -> Imported:
    """The program of a file and how it was reached.

    Raises
    ------
    UserError
        The file or an option cannot be used, or the network has no exact form on a chip.
    """
    options = source_options(pairs)
    return import_network(read_network(source, content, options), options, source, chip)


def program_of_file(source: Path, pairs: Sequence[str]) -> SampleProgram:
    """The program of a file of another framework, for whoever runs it at once.

    Raises
    ------
    UserError
        As :func:`import_file`, or the file is no network of another framework.
    """
    content = content_of(source)
    if content not in ("nir", "netx"):
        raise UserError(f"{source} is no network of another framework (NIR or netx)")
    return import_file(source, content, pairs).program


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
    if target.name != LAVA_TARGET:
        raise UserError(f"--target {target.name} writes policies; a network of another framework goes to --target lava")
    if (arguments.bits, arguments.exponents) != (None, None):
        raise UserError("--bits and --exponents are for policies; terms=N says how many 8-bit terms a weight has")
    chip = Chip.portable if arguments.chip is None else find_chip(arguments.chip)
    imported = import_file(source, content, arguments.overrides, chip)
    with atomic_write(output) as temporary:
        save_program(imported.program, temporary)
        if program_hash(load_spiking_program(temporary)) != program_hash(imported.program):
            raise GateFailed("the file as written gives another program when it is read; none is left")
    if arguments.json:
        print(json_text({"target": target.name, "output": str(output), **document(imported)}))
    else:
        print(f"{text_of(imported)}\n\nwrote {output}")


def text_of(imported: Imported) -> str:
    """An import for a person to read."""
    network, program = imported.network, imported.program
    lines = [
        f"network {network.name}: input {list(network.shapes[network.input])} of {program.encoder.kind}, output "
        f"{list(program.output_shape)} of {OUTPUTS[program.outputs[0].quantity]}, {program.latency} time steps later",
        *(f"{name} = {value}" for name, value in network.origin.items()),
        *(f"repaired: {note}" for note in network.notes),
        "",
        summary(program),
        "",
        f"calibration: {imported.calibration}",
        "",
        "layers: spikes in float, places in which the integers' differ, the threshold in integers, and the largest",
        "states of 24 bits and arrivals of 21 that were observed, as a share of their limit",
        _layer_table(imported),
        "",
        "stages, each compared with the one before (its output, where it is another form of the network)",
        _stage_table(imported),
        *_warnings(imported),
    ]
    return "\n".join(lines)


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


def _stage_table(imported: Imported) -> str:
    rows = [
        (row.stage, f"{row.spikes:,}", f"{row.compared:,}", f"{row.different:,}", f"{row.same_class}/{row.samples}")
        for row in imported.rows
    ]
    return text_table([("stage", "spikes", "places", "different", "same class"), *rows])


def _warnings(imported: Imported) -> list[str]:
    warnings = [
        f"warning: v of {layer.layer} saturates at 24 bits, which the emulators of Loihi do not all do alike"
        for layer in imported.layers
        if layer.voltage >= 1
    ]
    warnings += [
        f"warning: {layer.layer} is brought more than 21 bits in a step, which wraps on Loihi 1"
        for layer in imported.layers
        if layer.arriving >= 1
    ]
    return ["", *warnings] if warnings else []


def _share(part: int, whole: int) -> str:
    return percent(part / whole) if whole else "–" if not part else str(np.inf)
