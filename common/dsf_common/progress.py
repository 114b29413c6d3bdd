"""Progress on stderr: a bar on a terminal, and elsewhere (a file, a pipe, a cluster's log) a line now and then."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any

FIRST_LINE_S = 5.0
EVERY_S = 30.0


class Progress:
    """Counts up to ``total``.

    Parameters
    ----------
    total
        How many there are, if that is known.
    title, unit
        Such as ``train pen-e`` and ``step``.
    done
        How many were done before.
    hidden
        Whether nothing is shown.

    The first line comes whether or not anything was done, so that whoever reads it knows of the work; those after it
    where something was done, or said, since the last.
    """

    def __init__(self, total: int | None, title: str, unit: str, done: int = 0, hidden: bool = False) -> None:
        self._total, self._title, self._unit, self._done, self._first = total, title, unit, done, done
        self._said: Mapping[str, str] = {}
        self._bar: Any = None
        self._begun = time.monotonic()
        self._open = ExitStack()
        if not hidden and sys.stderr.isatty():
            self._bar = self._opened_bar()
        elif not hidden:
            self._tell_now_and_then()

    def update(self, count: int = 1) -> None:
        """So many more are done."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)

    def say(self, values: Mapping[str, str]) -> None:
        """Show these beside the count, such as the loss."""
        self._said = values
        if self._bar is not None:
            self._bar.set_postfix(values)

    def close(self) -> None:
        """Nothing follows; may be called twice."""
        self._open.close()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _opened_bar(self) -> Any:
        from tqdm import tqdm
        from tqdm.contrib.logging import logging_redirect_tqdm

        self._open.enter_context(logging_redirect_tqdm())
        bar = tqdm(
            total=self._total,
            initial=self._done,
            desc=self._title,
            unit=f" {self._unit}",
            dynamic_ncols=True,
            leave=False,
        )
        return self._open.enter_context(bar)

    def _tell_now_and_then(self) -> None:
        ended = threading.Event()

        def tell() -> None:
            wait, told = FIRST_LINE_S, None
            while not ended.wait(wait):
                state = self._done, self._said
                if state != told:
                    print(self.line(), file=sys.stderr, flush=True)
                wait, told = EVERY_S, state

        threading.Thread(target=tell, daemon=True).start()
        self._open.callback(ended.set)

    def line(self) -> str:
        """Such as ``train pen-e: 1,200 of 20,000 steps, 24 a second, loss 0.0123``."""
        of_total = f" of {self._total:,}" if self._total else ""
        since = self._done - self._first
        rate = f", {since / (time.monotonic() - self._begun):.3g} a second" if since else ""
        said = "".join(f", {name} {value}" for name, value in self._said.items())
        return f"{self._title}: {self._done:,}{of_total} {self._unit}s{rate}{said}"
