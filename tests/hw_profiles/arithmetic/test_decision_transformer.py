"""Decision Transformer's multiply-accumulates, by hand and by counting the products of a forward pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw_profiles.arithmetic.decision_transformer import decision_transformer_macs
from hw_profiles.arithmetic.mac_counts import MacCounts
from hw_profiles.arithmetic.paper_convention import Dimensions, transformer_operations


def matrix_products(observation: int, action: int, D: int, L: int, K: int, cached: bool) -> tuple[int, int]:
    """Sizes of every matrix product of a decision, written out: all, and those that mix tokens."""
    context, tokens, steps = 3 * K, 3 if cached else 3 * K, 1 if cached else K
    sizes = [(steps, observation, D), (steps, action, D), (steps, 1, D)]
    mixing = []
    for _ in range(L):
        sizes += [(tokens, D, D)] * 4 + [(tokens, D, 4 * D), (tokens, 4 * D, D)]
        mixing += [(tokens, D, context), (tokens, context, D)]
    sizes.append((1, D, action))
    return sum(a * b * c for a, b, c in sizes + mixing), sum(a * b * c for a, b, c in mixing)


@given(
    observation=st.integers(1, 40),
    action=st.integers(1, 20),
    D=st.integers(1, 64),
    L=st.integers(1, 4),
    K=st.integers(1, 30),
    cached=st.booleans(),
)
def test_it_is_the_sum_of_all_matrix_products(
    observation: int, action: int, D: int, L: int, K: int, cached: bool
) -> None:
    counts = decision_transformer_macs(observation, action, D, L, K, cached=cached)
    assert (counts.total, counts.attention) == matrix_products(observation, action, D, L, K, cached)


def test_the_smallest_one_by_hand() -> None:
    """D 2, L 1, K 1, 3 observations, 1 action: 10 + 48 + 36 + 96 + 2; a cache of one step saves nothing."""
    counts = decision_transformer_macs(3, 1, D=2, L=1, K=1, cached=False)
    assert counts == MacCounts(total=192, attention=36, weights_read=2 * 5 + 12 * 4 + 2)
    assert decision_transformer_macs(3, 1, D=2, L=1, K=1, cached=True).total == 192


def test_blocks_agree_with_what_the_paper_counts() -> None:
    """The paper's own formula at the same 60 tokens, less the softmax it adds and without the two ends, exact."""
    size = Dimensions(layers=3, embedding=128, tokens=60)
    paper = transformer_operations(size)
    counts = decision_transformer_macs(11, 3, cached=False)
    blocks = counts.total - 20 * 128 * 15 - 128 * 3
    assert blocks == paper.attention + paper.feed_forward - 3 * 60**2 * 3


def test_a_cache_saves_nearly_the_context_and_pays_in_memory() -> None:
    recomputed, cached = (decision_transformer_macs(45, 24, cached=cached) for cached in (False, True))
    assert 18 < recomputed.total / cached.total <= 20
    assert cached.weights_read == recomputed.weights_read
    assert (cached.state_read, cached.state_written) == (3 * 2 * 128 * 60, 3 * 2 * 128 * 3)
    assert recomputed.state_read == 0


def test_the_published_size() -> None:
    """pen: D 128, L 3, K 20: 38.3 M multiply-accumulates and 602 k weights, to the printed digits."""
    counts = decision_transformer_macs(45, 24, cached=False)
    assert counts.total == pytest.approx(38.3e6, abs=0.05e6)
    assert counts.weights_read == pytest.approx(602e3, abs=0.5e3)
