"""Neurons whose membrane goes on from token to token, instead of starting each token at 0."""

from __future__ import annotations

from torch import Tensor

from dsf_models.lif import Lif
from dsf_models.padding import TokenLayout


def fire_in_turn(neuron: Lif, current: Tensor, layout: TokenLayout) -> Tensor:
    """Spikes of neurons that see a window's tokens one after another, from ``current`` (T, tokens, width).

    ``H_i[0] = H_{i−1}[T]``, H as in eq. 1: a token finds what the membrane has left of the token before, decayed once
    more, and the window's first token finds 0. So T time steps of K tokens are K·T steps of the same neurons; padding,
    which brings no current and stands before the first token, leaves them at rest.
    """
    windows = layout.unpack(current)
    steps, batch, tokens, width = windows.shape
    in_turn = neuron(windows.permute(2, 0, 1, 3).reshape(tokens * steps, batch, width))
    return layout.pack(in_turn.view(tokens, steps, batch, width).permute(1, 2, 0, 3))
