"""The base class of lowerings: whether a token mixing has a program, and its folded form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from dsf_export.mixings.folded_mixing import FoldedMixing
from dsf_models.configuration import ModelConfig
from dsf_models.mixings import TokenMixing

MixingT = TypeVar("MixingT", bound=TokenMixing, contravariant=True)


class MixingLowering(ABC, Generic[MixingT]):
    """All that an export asks of a kind of token mixing; the rest it asks of the folded form."""

    def without_program(self, config: ModelConfig) -> str | None:
        """The reason why models of ``config`` have no program, one sentence with a remedy; None if they have one."""
        return None

    @abstractmethod
    def fold(self, mixing: MixingT, prefix: str, threshold: float) -> dict[str, FoldedMixing]:
        """The folded form of ``mixing``, differentiable with respect to its parameters.

        Parameters
        ----------
        prefix
            Begins the names of the mixing's layers, such as ``block0.attention``.
        threshold
            V_th; folded currents are counted in thresholds.

        Returns
        -------
        dict[str, FoldedMixing]
            The parts that stand side by side, by the prefixes of their own layers' names, in the order in which their
            projections join the residual stream; a mixing of one part gives ``{prefix: …}``.

        Raises
        ------
        UserError
            A normalisation does not fold.
        """
