"""The base class of token mixings: all that the rest of the toolchain asks of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor, nn

from dsf_models.biased_layer import BiasedLayer
from dsf_models.configuration import OPTIONS_OF_SOME_MIXINGS, ModelConfig
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes


class TokenMixing(nn.Module, ABC):
    """How a block lets a token see its past.

    A mixing reads the spikes s of the block's first neurons and adds a current to the residual stream U. Shapes are
    (T, tokens, ·): s has D channels a level (``model.levels``), level after level, and U has D. Tokens are the real
    ones of a batch of windows; `TokenLayout` brings them into windows (T, B, K, ·) and back.

    A new mixing is a subclass in a file of its own, under the name that `dsf_models.mixings.registry.register_mixing`
    gives it. Its layers get names that begin with ``prefix``: ``f"{prefix}.output"`` is the layer whose spikes are
    projected onto the residual stream.

    Attributes
    ----------
    settings
        Those of `dsf_models.configuration.SETTINGS_OF_SOME_MIXINGS` that this mixing has; others are refused.

    Parameters
    ----------
    config
        A checked configuration, kept as ``config``.
    """

    settings: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        """Refuse values that this mixing cannot have.

        Raises
        ------
        UserError
            A setting is out of the range that this mixing needs.
        """

    @classmethod
    def reads(cls, config: ModelConfig) -> frozenset[str]:
        """The options of `dsf_models.configuration.OPTIONS_OF_SOME_MIXINGS` that this mixing computes with.

        One that it does not is refused where it is given; by default it may compute with all of them.
        """
        return frozenset(OPTIONS_OF_SOME_MIXINGS)

    @classmethod
    def without_stream(cls, config: ModelConfig) -> str | None:
        """The reason why a stream of tokens would be answered otherwise than their window, with a remedy.

        A mixing streams if a token's answer depends on the last S tokens alone, and on their distance and not on their
        place in the window. The sentence ends without its full stop; None means that it streams.
        """
        return None

    @abstractmethod
    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        """The residual stream with what the spikes ``inputs`` add to it.

        Parameters
        ----------
        inputs
            (T, tokens, levels D) spikes.
        residual
            (T, tokens, D) current.
        layout
            The windows that the tokens belong to.
        spikes
            Receives what each spiking layer of the mixing emits, (T, tokens, width), by name.
        prefix
            Begins the names of the mixing's layers, such as ``block0.attention``.

        Returns
        -------
        Tensor
            (T, tokens, D) current.
        """

    @abstractmethod
    def biased_layers(self, rate: float, prefix: str) -> Iterator[BiasedLayer]:
        """The layers whose firing a bias raises, in the order in which they compute.

        A layer without a bias of its own fires by what drives it, so that those layers are asked for a higher rate.

        Parameters
        ----------
        rate
            The share of neurons and time steps of each layer that is to fire.
        """

    @abstractmethod
    def projection_biases(self) -> list[Tensor]:
        """The biases of the last projection onto the residual stream, which raise whatever reads it next."""

    @abstractmethod
    def window_synops(self, spikes: Spikes, inputs: int, prefix: str) -> dict[str, int]:
        """Synaptic operations of one window by target layer; the projection's go under ``f"{prefix}.project"``.

        Parameters
        ----------
        spikes
            Spikes by layer, (T, tokens, width), as the window recorded them.
        inputs
            How many spikes the mixing read, of all levels together.
        """


def spike_count(layer: Tensor) -> int:
    """How many spikes a recorded layer holds."""
    return int(layer.sum())
