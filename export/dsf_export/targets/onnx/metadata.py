"""The facts that an ONNX file tells of itself, as text by key: how its policy is to be run, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dsf_common.json_text import json_text
from dsf_export.namespace import NAMESPACE
from dsf_export.targets.onnx.tokens import TokenScale
from neuro_runtime.policy_protocol import PolicyProtocol

FORM, HEADER, ARRAYS, HASH = (f"{NAMESPACE}.{key}" for key in ("form", "header", "arrays", "sha256"))
INTEGER_FORM = "integer program, one token a call"


def described(
    form: str,
    environment: str,
    protocol: PolicyProtocol,
    scale: TokenScale,
    provenance: Mapping[str, str],
) -> dict[str, str]:
    """The keys that every file has.

    ``form`` says which network it is, and ``protocol`` and ``normalisation`` are JSON; states begin an episode at 0.
    """
    normalisation = {
        "state_mean": scale.state_mean.tolist(),
        "state_std": scale.state_std.tolist(),
        "return_scale": scale.return_scale,
        "input_clip": scale.input_clip,
        "inside_the_graph": True,
    }
    return {
        FORM: form,
        f"{NAMESPACE}.environment": environment,
        f"{NAMESPACE}.protocol": json_text(protocol.document()),
        f"{NAMESPACE}.normalisation": json_text(normalisation),
        f"{NAMESPACE}.provenance": json.dumps(dict(provenance), sort_keys=True),
    }
