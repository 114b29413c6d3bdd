"""HDF5 files whose content lies elsewhere: a link that leads nowhere is named, and nothing waits for a pipe.

A file may point into others by external links, virtual datasets and raw storage. HDF5 opens whatever is there, so a
pipe keeps it for ever, and where the source of a virtual dataset is missing it reads 0 without a word. Looking through
a file takes its time, 50 µs a dataset: one that has been seen to hold all of its content itself is not looked through
again by the same process until it changes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from dsf_common.errors import UserError

_Identity = tuple[int, int, int, int]
_self_contained: set[_Identity] = set()


@contextmanager
def reading_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Yield a file that is open to be read.

    Raises
    ------
    UserError
        It points at a file that is none, or that is not here; or the block failed and a link leads nowhere.
    OSError
        It is no HDF5 file, or the system refuses it.
    """
    with h5py.File(path, "r") as file:
        identity = _identity(path)
        links = [] if identity in _self_contained else _checked_links(file, identity)
        try:
            yield file
        except (OSError, KeyError, RuntimeError) as problem:
            lost = [name.decode(errors="replace") for name in links if not _leads_somewhere(file, name)]
            if not lost:
                raise
            raise UserError(
                f"{path} has in {lost[0]} a link that leads nowhere; copy what it points at into the file"
            ) from problem


def _identity(path: str | Path) -> _Identity:
    """A file, and a state of it."""
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _checked_links(file: h5py.File, identity: _Identity) -> list[bytes]:
    """The links of a file, all of whose targets are files."""
    links = _links(file)
    elsewhere = _require_targets(file, links)
    if not links and not elsewhere:
        _self_contained.add(identity)
    return links


def _links(file: h5py.File) -> list[bytes]:
    """The names that are links to another name, or to another file."""
    found: list[bytes] = []

    def see(name: bytes, info: Any) -> None:
        if info.type != h5py.h5l.TYPE_HARD:
            found.append(name)

    file.id.links.visit(see, info=True)
    return [name for name in found if name]


def _require_targets(file: h5py.File, links: list[bytes]) -> bool:
    """Complain of targets that are no files; whether a dataset's content lies elsewhere."""
    elsewhere = False
    for name in links:
        link = file.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            _require_file(file, name.decode(errors="replace"), link.filename, must_exist=False)

    def see(name: bytes, info: Any) -> None:  # of thousands of datasets, so below h5py's own objects
        if info.type != h5py.h5o.TYPE_DATASET:
            return
        nonlocal elsewhere
        layout = h5py.h5d.open(file.id, name).get_create_plist()
        is_virtual = layout.get_layout() == h5py.h5d.VIRTUAL
        elsewhere |= is_virtual or layout.get_external_count() > 0
        if is_virtual:
            for source in file[name].virtual_sources():
                _require_file(file, name.decode(errors="replace"), source.file_name)
        for number in range(layout.get_external_count()):
            target = layout.get_external(number)[0].decode(errors="replace")
            _require_file(file, name.decode(errors="replace"), target)

    h5py.h5o.visit(file.id, see, info=True)
    return elsewhere


def _require_file(file: h5py.File, name: str, target: str, must_exist: bool = True) -> None:
    """Complain of ``target``, which ``name`` points at: HDF5 looks for it here, and "." is the file itself."""
    folder = Path(file.filename).parent
    places = [folder / target, Path(target), folder / Path(target).name]
    here = next((place for place in places if place.exists()), None)
    if target == "." or (here is None and not must_exist) or (here is not None and here.is_file()):
        return
    what = "which is not here; copy it too" if here is None else "which is no file; give it as one"
    raise UserError(f"{file.filename} keeps {name} in {target}, {what}")


def _leads_somewhere(file: h5py.File, name: bytes) -> bool:
    try:
        return file[name] is not None
    except (OSError, KeyError, RuntimeError):
        return False
