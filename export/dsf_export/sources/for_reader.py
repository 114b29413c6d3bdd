"""A network of another framework as a NIR file for one reader, compared with what that reader makes of it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dsf_common.errors import GateFailed, UserError
from dsf_common.files import atomic_write
from dsf_export.parity import SINGLE_ROUNDING
from dsf_export.sources.content import Content
from dsf_export.sources.conventions import SourceOptions
from dsf_export.sources.float_network import FloatNetwork, FloatRecording, run_network
from dsf_export.sources.imported import SAME, Samples, samples_for
from dsf_export.sources.read_source import read_network, source_options
from dsf_export.sources.rounding_gate import unlike_by_more_than_rounding
from dsf_export.sources.stage_rows import StageRow, row_of_networks
from dsf_export.targets.network_readers import NetworkReader, find_network_reader, names_for, write_network_for

NEAR = 1e-4  # of the largest membrane


@dataclass(frozen=True, eq=False)
class Rewritten:
    """A network, who is to read it, and how the two compare.

    Attributes
    ----------
    calibration
        Where the samples come from.
    rows
        The network's own run, and the file's as its reader runs it.
    """

    network: FloatNetwork
    reader: NetworkReader
    calibration: str
    rows: tuple[StageRow, ...]


def rewrite(source: Path, content: Content, arguments: argparse.Namespace, output: Path) -> Rewritten:
    """Write the network in ``source`` for ``--for``, run by the reader's conventions on the calibration samples.

    Raises
    ------
    UserError
        The file or an option cannot be used, or a node does not fit the reader.
    GateFailed
        The reader would spike otherwise; no file is left.
    """
    reader, options = find_network_reader(arguments.reader), source_options(arguments.overrides)
    _refuse_what_is_for_programs(arguments, options)
    network = read_network(source, content, options)
    _, samples, origin = samples_for(network, options)
    with atomic_write(output) as temporary:
        write_network_for(network, reader, temporary)
        rows = _compared(network, reader, temporary, samples)
    return Rewritten(network, reader, origin, rows)


def _refuse_what_is_for_programs(arguments: argparse.Namespace, options: SourceOptions) -> None:
    given = {"--chip": arguments.chip, "terms=": options.terms, "groups=": options.groups}
    for name in (name for name, value in given.items() if value is not None):
        raise UserError(f"{name} is for programs in integers, and --for writes the network itself: leave it out")


def _compared(network: FloatNetwork, reader: NetworkReader, file: Path, samples: Samples) -> tuple[StageRow, ...]:
    read = read_network(file, "nir", source_options(reader.options))
    names = names_for(network)
    ours = [run_network(network, sample) for sample in samples]
    theirs = [_renamed(run_network(read, sample), names) for sample in samples]
    rows = (
        row_of_networks(f"float network, {str(network.dtype).removeprefix('torch.')}", ours, ours),
        row_of_networks(f"the file as {reader.name} reads it", ours, theirs),
    )
    if far := unlike_by_more_than_rounding(network, ours, theirs, "reader", SINGLE_ROUNDING):
        raise GateFailed(f"{reader.name} would spike otherwise: {far}; no file is left")
    if rows[1].different > SAME * rows[1].compared:
        raise GateFailed(
            f"{reader.name} would spike otherwise in {rows[1].different} of {rows[1].compared} places; no file is left"
        )
    largest = max(float(np.abs(each.output).max(initial=0)) for each in ours)
    off = max(float(np.abs(one.output - two.output).max(initial=0)) for one, two in zip(ours, theirs, strict=True))
    if not rows[1].different and off > NEAR * largest:
        raise GateFailed(f"{reader.name} would give outputs that are off by {off:.3g}; no file is left")
    return rows


def _renamed(recording: FloatRecording, names: Mapping[str, str]) -> FloatRecording:
    """A run of the file by the network's own names."""
    own = {inside: name for name, inside in names.items()}
    return replace(recording, spikes={own[name]: spikes for name, spikes in recording.spikes.items()})


def reader_document(rewritten: Rewritten) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "network": rewritten.network.name,
        "for": rewritten.reader.name,
        "conventions": dict(rewritten.network.origin),
        "notes": list(rewritten.network.notes),
        "calibration": rewritten.calibration,
        "stages": [asdict(row) for row in rewritten.rows],
    }
