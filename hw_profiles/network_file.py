"""A network as a file: HDF5 with a JSON header for what is small and one group for each set of synapses."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dsf_common.checksum import CHECKSUM, content_checksum, require_intact
from dsf_common.errors import UserError, first_line
from dsf_common.files import require_readable
from dsf_common.hdf5 import atomic_hdf5
from dsf_common.hdf5_links import reading_hdf5
from dsf_common.versions import if_newer
from hw_profiles.network import (
    ChipNetwork,
    HostCurrent,
    NeuronParameters,
    Population,
    Projection,
    Role,
    SynapseFormat,
    SynapseList,
)

FORMAT, VERSION = "decision-spikeformer-network", 2
FIRST_VERSION = 1  # knows no graded spikes and no resets; still written where there are none
ARRAYS = ("source_index", "target_index", "delay", "format_index")
PLAIN = ("name", "layout", "active_steps", "period", "host_macs", "context")


def save_network(network: ChipNetwork, path: str | Path) -> None:
    """Write ``network``; projections that share synapses share them in the file too."""
    distinct = _distinct_synapses(network)
    shared = {id(synapses): number for number, synapses in enumerate(distinct)}
    header = {
        "version": _least_version(network),
        **{name: getattr(network, name) for name in PLAIN},
        "populations": [_population_document(population) for population in network.populations],
        "projections": [[item.source, item.target, shared[id(item.synapses)]] for item in network.projections],
        "formats": [[dataclasses.astuple(item) for item in synapses.formats] for synapses in distinct],
        "host_currents": [dataclasses.asdict(current) for current in network.host_currents],
    }
    with atomic_hdf5(path) as file:
        file.attrs["format"] = FORMAT
        file.attrs[CHECKSUM] = content_checksum(_checked_content(header, distinct))
        file.create_dataset("header", data=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8))
        for number, synapses in enumerate(distinct):
            for name in ARRAYS:
                array = _narrow(getattr(synapses, name))
                options = {"compression": "gzip", "shuffle": True} if array.size else {}
                file.create_dataset(f"synapses/{number}/{name}", data=array, **options)


def load_network(path: str | Path) -> ChipNetwork:
    """Read what :func:`save_network` wrote.

    Raises
    ------
    UserError
        There is no such file, or it is none of ours, of another version, or damaged.
    """
    path = Path(path)
    require_readable(path, absent=f"no network file {path}; run the policy again with this version to get one")
    try:
        with reading_hdf5(path) as file:
            if file.attrs.get("format") != FORMAT:
                raise UserError(f"{path} is not a network file; give the network.h5 of a run folder")
            header = json.loads(file["header"][()].tobytes())
            if header["version"] not in (FIRST_VERSION, VERSION):
                raise UserError(
                    f"{path} has version {header['version']}, this version reads 1 to {VERSION}; run the policy again"
                    f"{if_newer(header['version'], VERSION)}"
                )
            network = _network(header, file)
            checksum = {CHECKSUM: file.attrs[CHECKSUM]} if CHECKSUM in file.attrs else {}
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise UserError(f"{path} is damaged: {first_line(error)}; run the policy again to get another") from error
    content = _checked_content(header, _distinct_synapses(network))
    require_intact({**content, **checksum}, str(path), "run the policy again to get another")
    return network


def _distinct_synapses(network: ChipNetwork) -> list[SynapseList]:
    """Each list of synapses once, in the order of the projections."""
    return list({id(projection.synapses): projection.synapses for projection in network.projections}.values())


def _checked_content(header: dict[str, Any], synapses: Sequence[SynapseList]) -> dict[str, Any]:
    """The content that the file's checksum covers."""
    arrays = [{name: getattr(item, name).astype(np.int32) for name in ARRAYS} for item in synapses]
    return {"header": json.dumps(header, sort_keys=True), "synapses": arrays}


def _population_document(population: Population) -> dict[str, Any]:
    return {
        "name": population.name,
        "size": population.size,
        "role": population.role.name,
        "depth": population.depth,
        "parameters": _parameters_document(population.parameters),
        "origin": population.origin,
    }


def _parameters_document(parameters: NeuronParameters) -> list[int]:
    """In the order of the fields, without those at the end that are at their default, as files had none before."""
    values, defaults = dataclasses.astuple(parameters), [0, None]
    kept = list(values)
    while defaults and kept[-1] == defaults[-1]:
        kept.pop()
        defaults.pop()
    return kept


def _least_version(network: ChipNetwork) -> int:
    """The earliest version that can say all of a network, so that earlier releases read what they can."""
    is_newer = any(
        population.role is Role.graded or population.parameters.reset_step is not None
        for population in network.populations
    )
    return VERSION if is_newer else FIRST_VERSION


def _network(header: dict[str, Any], file: h5py.File) -> ChipNetwork:
    synapses = [
        SynapseList(
            **{name: file[f"synapses/{number}/{name}"][()].astype(np.int32) for name in ARRAYS},
            formats=tuple(SynapseFormat(int(bits), int(exponent)) for bits, exponent in formats),
        )
        for number, formats in enumerate(header["formats"])
    ]
    return ChipNetwork(
        **{name: header[name] for name in PLAIN},
        populations=tuple(_population(document) for document in header["populations"]),
        projections=tuple(
            Projection(source, target, synapses[number]) for source, target, number in header["projections"]
        ),
        host_currents=tuple(HostCurrent(**document) for document in header["host_currents"]),
    )


def _population(document: dict[str, Any]) -> Population:
    fields = {**document, "role": Role[document["role"]], "parameters": NeuronParameters(*document["parameters"])}
    return Population(**fields)


def _narrow(array: NDArray[np.int32]) -> NDArray[Any]:
    """In the fewest bytes that hold its values."""
    return array.astype(np.min_scalar_type(int(array.max(initial=0))))
