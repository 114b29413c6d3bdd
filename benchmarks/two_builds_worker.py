"""One build of `benchmarks.two_builds`: seconds of a decision, mean over the tokens, for each line it is given.

It runs in older checkouts too, so it uses no more than they have.
"""

from __future__ import annotations

import sys
import time

from neuro_runtime.backends import loihi_fast
from neuro_runtime.policy_files import find_policy
from support.recorded import recording_of, tokens_of


def main(env: str, decisions: int) -> None:
    """Decide on the tokens that the policy meets, whenever a line arrives."""
    files = find_policy(env)
    tokens, backend = tokens_of(recording_of(files, decisions)), loihi_fast.open_backend(files)
    for _ in sys.stdin:
        begun = time.process_time()
        for token in tokens:
            backend.decide(token)
        print((time.process_time() - begun) / len(tokens), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
