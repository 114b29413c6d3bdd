"""A saved run: its record, and the files that it names."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from dsf_common.errors import UserError
from hw_profiles.network import ChipNetwork
from hw_profiles.network_file import load_network
from hw_profiles.raster_file import SpikeRaster, load_raster
from hw_profiles.run_record import TRACE, RunRecord, load_record

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class SavedRun:
    """A run's record and the files that it names, read."""

    record: RunRecord
    network: ChipNetwork | None
    raster: SpikeRaster | None


def load_run(record_file: Path) -> SavedRun:
    """Read a run.

    Raises
    ------
    UserError
        A file is missing or damaged, or the files are not of the same run.
    """
    record = load_record(record_file)
    if not (record_file.parent / TRACE).exists():
        _log.warning(
            "%s is not beside %s: the run's decisions are lost, and the report is made without", TRACE, record_file
        )
    network = None if record.network is None else load_network(record_file.parent / record.network)
    raster = None if record.raster is None else load_raster(record_file.parent / record.raster)
    if network is not None:
        known = {population.name for population in network.populations}
        if strange := [name for name in record.activity.by_population if name not in known]:
            raise UserError(f"{record_file} counts {strange[0]}, which {record.network} does not have: run it again")
    return SavedRun(record, network, raster)
