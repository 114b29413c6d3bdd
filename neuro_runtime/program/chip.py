"""The chips that a program can be rounded for, by their arithmetic."""

from __future__ import annotations

from enum import StrEnum

from dsf_common.suggestions import member


class Chip(StrEnum):
    """Whose arithmetic a program keeps to, and how well that is known.

    A Loihi 1 is known by nengo-loihi's emulator, which was written with one beside it; its limits are those of the
    portable subset. All that is public of a Loihi 2's arithmetic is in Lava's fixed-point models, which have none of
    them.
    """

    portable = "portable"
    lava = "lava"
    loihi1 = "loihi1"
    loihi2 = "loihi2"

    @property
    def is_portable(self) -> bool:
        """Whether its programs keep to the portable subset (`neuro_runtime.program.portable`)."""
        return self in (Chip.portable, Chip.loihi1)

    @property
    def has_graded_spikes(self) -> bool:
        """Whether its programs may send numbers as spikes."""
        return self is Chip.loihi2

    @property
    def arithmetic(self) -> str:
        """The words of a report for it."""
        return {
            Chip.portable: "the arithmetic that Lava's and nengo-loihi's emulators share",
            Chip.lava: "Lava's arithmetic",
            Chip.loihi1: "a Loihi 1's arithmetic by nengo-loihi's emulator",
            Chip.loihi2: "a Loihi 2's arithmetic as far as Lava's models tell it",
        }[self]


def find_chip(name: str) -> Chip:
    """The chip called ``name``.

    Raises
    ------
    UserError
        There is none; the message lists those there are.
    """
    return member(Chip, "chip", name)
