"""The base class of passes: a rewriting of a loihi program that keeps what it means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Generic, TypeVar

from neuro_runtime.program.program import Program
from neuro_runtime.program.reachable import Reachable, reachable

MatchT = TypeVar("MatchT")


@dataclass(frozen=True, eq=False)
class Subject:
    """A program under rewriting, and what its neurons can do.

    Attributes
    ----------
    token
        The largest magnitude of the token's integer current; None for what the encoder can give.
    may_reset
        Whether neurons may be reset at a token's begin.
    """

    program: Program
    token: float | None = None
    may_reset: bool = False

    @cached_property
    def reachable(self) -> Reachable:
        """Computed when first asked for."""
        return reachable(self.program, self.token)


class ProgramPass(ABC, Generic[MatchT]):
    """A pass: where it applies, and what it makes of that.

    A pass keeps the accumulator's v at the end of every decision, to the bit, whatever tokens come and whenever all is
    forgotten. It may drop nodes, and move the time steps in which the others spike.
    """

    name: ClassVar[str]

    @abstractmethod
    def match(self, subject: Subject) -> MatchT | None:
        """All that there is to rewrite; None where there is nothing."""

    @abstractmethod
    def transform(self, program: Program, match: MatchT) -> Program:
        """The program without it."""

    def apply(self, subject: Subject) -> Program | None:
        """The rewritten program; None where the pass finds nothing."""
        match = self.match(subject)
        return None if match is None else self.transform(subject.program, match)
