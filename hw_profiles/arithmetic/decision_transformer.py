"""Multiply-accumulates of one decision of a Decision Transformer (Chen et al., NeurIPS 2021)."""

from __future__ import annotations

from hw_profiles.arithmetic.mac_counts import MacCounts

TOKENS_A_STEP = 3  # return-to-go, state, action
FEED_FORWARD = 4  # width of the hidden layer, in D


def decision_transformer_macs(
    observation: int, action: int, D: int = 128, L: int = 3, K: int = 20, *, cached: bool
) -> MacCounts:
    """Multiply-accumulates of one decision; the default sizes are the published ones for gym.

    With ``N = 3 K`` tokens in the context, of which ``n`` are computed (all, or with a cache the newest step's 3)::

        embedding     n/3 · D · (observation + action + 1)
        projections   L · 4 D² · n              query, key, value and output
        attention     L · 2 D · n · N           scores and weighted sums, the whole square without a cache
        feed-forward  L · 8 D² · n
        head          D · action                for the newest token alone

    Softmax, LayerNorm and the embedding of the time step (a table) have no multiply-accumulates.
    A cache is what one would deploy, though once the context is full it is another function: cached keys
    of deeper layers still remember tokens that a recomputation would have dropped.

    Parameters
    ----------
    observation, action
        Widths of the environment's observation and action.
    D, L, K
        Width of the embedding, blocks, environment steps in the context.
    cached
        Whether keys and values of earlier steps are kept instead of recomputed.
    """
    context = TOKENS_A_STEP * K
    computed = TOKENS_A_STEP if cached else context
    embedding = D * (observation + action + 1)
    block = 4 * D**2 + 2 * FEED_FORWARD * D**2
    head = D * action
    attention = L * 2 * D * computed * context
    return MacCounts(
        total=computed // TOKENS_A_STEP * embedding + L * block * computed + attention + head,
        attention=attention,
        weights_read=embedding + L * block + head,
        state_read=L * 2 * D * context if cached else 0,
        state_written=L * 2 * D * TOKENS_A_STEP if cached else 0,
    )
