"""Windows with padding on the left, and the list of their real tokens.

All of the network but the token mixing works on a plain list of real tokens. So padding costs nothing, and the
batch statistics cannot see it. A compiled step keeps padding instead, as its shapes may not change.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class TokenLayout:
    """Where the real tokens of a batch of windows are.

    Parameters
    ----------
    mask
        (B, K) bool, True for a real token.
    """

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    @cached_property
    def full(self) -> bool:
        """Whether no token is padding."""
        return bool(self.mask.all())

    @cached_property
    def _places(self) -> Tensor:
        return self.mask.reshape(-1).nonzero().squeeze(1)

    def pack(self, windows: Tensor) -> Tensor:
        """The real tokens of ``windows``: (..., B, K, D) -> (..., tokens, D)."""
        flat = windows.reshape(*windows.shape[:-3], -1, windows.shape[-1])
        return flat if self.full else flat.index_select(-2, self._places)

    def unpack(self, tokens: Tensor) -> Tensor:
        """Back to windows, padding zero: (..., tokens, D) -> (..., B, K, D)."""
        shape = (*tokens.shape[:-2], *self.mask.shape, tokens.shape[-1])
        if tokens.shape[-2] == self.mask.numel():  # all are there
            return tokens.reshape(shape)
        flat = tokens.new_zeros(*tokens.shape[:-2], self.mask.numel(), tokens.shape[-1])
        return torch.index_copy(flat, -2, self._places, tokens).view(shape)

    @cached_property
    def is_left_padded(self) -> bool:
        """Whether each window's real tokens stand together at its end."""
        return self.full or bool((self.mask[:, 1:] >= self.mask[:, :-1]).all())

    def bounds(self) -> NDArray[np.int64]:
        """Where windows begin and end in the list of real tokens, (B + 1,).

        Raises
        ------
        ValueError
            Padding stands elsewhere than before each window's real tokens.
        """
        if not self.is_left_padded:
            raise ValueError("kernels take windows whose padding stands on the left and is left out of the tokens")
        bounds: NDArray[np.int64] = np.zeros(len(self.mask) + 1, np.int64)
        np.cumsum(self.mask.sum(1).cpu().numpy(), out=bounds[1:])
        return bounds


class PaddedLayout(TokenLayout):
    """Windows whose tokens are all computed, so that shapes are the same for every batch (`dsf_train.compiled_step`).

    A token of padding reaches no real one: :meth:`unpack`, which every token mixing goes through, makes it zero.
    """

    def pack(self, windows: Tensor) -> Tensor:
        """All tokens of ``windows``: (..., B, K, D) -> (..., B · K, D)."""
        return windows.reshape(*windows.shape[:-3], -1, windows.shape[-1])

    def unpack(self, tokens: Tensor) -> Tensor:
        """Back to windows, padding zero: (..., B · K, D) -> (..., B, K, D)."""
        return torch.where(self.mask[..., None], super().unpack(tokens), 0)

    @cached_property
    def is_left_padded(self) -> bool:
        """False: padding stands among the tokens."""
        return False
