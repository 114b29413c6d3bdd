"""The folder of a training run: configuration, checkpoint, model, metrics and TensorBoard events."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import yaml

from dsf_common.checksum import require_intact, with_checksum
from dsf_common.errors import UserError
from dsf_common.files import atomic_write
from dsf_common.folder_lock import LOCK, locked_folder
from dsf_common.plain_values import plain
from dsf_common.renamed_options import with_present_names
from dsf_train.configuration import TrainConfig

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

Metric = float | Sequence[str]


@dataclass(frozen=True)
class RunFolder:
    """``runs/<env>/<name>/``."""

    path: Path

    @property
    def config(self) -> Path:
        """config.yaml: every option of the run."""
        return self.path / "config.yaml"

    @property
    def checkpoint(self) -> Path:
        """checkpoint.pt: what `--resume` goes on from."""
        return self.path / "checkpoint.pt"

    @property
    def model(self) -> Path:
        """model.pt: the trained policy."""
        return self.path / "model.pt"

    @property
    def metrics_file(self) -> Path:
        """metrics.jsonl: one line a record."""
        return self.path / "metrics.jsonl"

    def metrics(self, first_step: int, written: bool = True) -> Metrics:
        """The run's metrics, without those after ``first_step`` that an unfinished run left.

        One process alone has them ``written``.
        """
        kind = Metrics if written else UnwrittenMetrics
        return kind(self.metrics_file, self.path / "events", first_step)

    @classmethod
    def of(cls, config: TrainConfig) -> RunFolder:
        """Where a run is kept, whether it has begun or not."""
        return cls(Path(config.output).expanduser() / config.env / config.name)

    @classmethod
    def open(cls, config: TrainConfig, resume: bool, overwrite: bool) -> RunFolder:
        """The run's folder, new, emptied (``overwrite``) or as it was left (``resume``).

        Raises
        ------
        UserError
            A finished or unfinished run is in the way, there is nothing to resume, or the options differ.
        """
        folder = cls.of(config)
        if resume:
            folder._check_same(config)
            return folder
        if folder.config.exists():
            if not overwrite:
                raise UserError(
                    f"{folder.path} holds a run already; go on with it by --resume, replace it by --overwrite, "
                    "or choose another name=."
                )
            folder._empty()
        folder.path.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder.config) as temporary:
            temporary.write_text(yaml.safe_dump(plain(config), sort_keys=False), encoding="utf-8")
        return folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing into the folder.

        Raises
        ------
        UserError
            One does already.
        """
        with locked_folder(self.path):
            yield

    def _empty(self) -> None:
        """Remove everything but the lock."""
        for entry in self.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != LOCK:
                entry.unlink()

    def stored_options(self) -> dict[str, Any]:
        """The options that the run was started with, nested as they are in config.yaml, by their present names.

        Raises
        ------
        UserError
            There is no run, or its config.yaml is damaged.
        """
        if not self.config.exists():
            raise UserError(f"There is no run to resume in {self.path}; start it without --resume.")
        try:
            stored = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as problem:
            raise UserError(f"{self.config} is damaged; start the run anew with --overwrite.") from problem
        return with_present_names(TrainConfig, stored) if isinstance(stored, dict) else {}

    def _check_same(self, config: TrainConfig) -> None:
        begun, wanted = plain(TrainConfig()) | self.stored_options(), plain(config)  # later options: at their defaults
        different = sorted(key for key in wanted if key != "output" and begun.get(key) != wanted[key])
        if different:
            raise UserError(
                f"The run in {self.path} was started with other values of {', '.join(different)}; resume it with the "
                "options it was started with, or choose another name=."
            )


class Metrics:
    """metrics.jsonl, one line a record, and the same numbers as TensorBoard events."""

    def __init__(self, path: Path, events: Path, first_step: int) -> None:
        self._path = path
        self._events = events
        self._first_step = first_step

    def __enter__(self) -> Metrics:
        self._drop_after(self._first_step)
        self._file = self._path.open("a", encoding="utf-8")
        self._board = self._open_board()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._board.close()

    def write(self, step: int, values: Mapping[str, Metric]) -> None:
        """Add numbers (and lists of names, which TensorBoard does not take) of one step."""
        try:
            self._file.write(json.dumps(with_checksum({"step": step, **values})) + "\n")
            self._file.flush()
        except OSError as problem:
            problem.filename = str(self._path)  # a full disk, which the error does not place
            raise
        for name, value in values.items():
            if isinstance(value, float) and math.isfinite(value):
                self._board.add_scalar(name, value, step)

    def _open_board(self) -> SummaryWriter:
        """Imported here, as TensorBoard takes a second to load."""
        from torch.utils.tensorboard.writer import SummaryWriter

        return SummaryWriter(str(self._events), purge_step=self._first_step)

    def _drop_after(self, step: int) -> None:
        if not self._path.exists():
            return
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        kept = [line for number, line in enumerate(whole, 1) if self._step(line, number) <= step]
        with atomic_write(self._path) as temporary:
            temporary.write_text("".join(kept), encoding="utf-8")

    def _step(self, line: str, number: int) -> int:
        try:
            return int(read_record(line)["step"])
        except (ValueError, KeyError, TypeError) as problem:
            raise UserError(
                f"{self._path} is damaged at line {number}; take that line out and resume, or use --overwrite."
            ) from problem


def read_record(line: str) -> dict[str, Any]:
    """A line of metrics.jsonl.

    Raises
    ------
    ValueError
        It is no object of JSON, or does not match its checksum.
    """
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError("it is no object")
    try:
        return require_intact(record, "the line", "take it out")
    except UserError as problem:
        raise ValueError(str(problem)) from problem


class UnwrittenMetrics(Metrics):
    """Metrics that another process writes."""

    def __enter__(self) -> Metrics:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is nothing to close."""

    def write(self, step: int, values: Mapping[str, Metric]) -> None:
        """Leave it to the other process."""
