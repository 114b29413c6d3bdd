"""How a token sees its past: a file a token mixing, with its equation, its layers and what others ask of it.

Importing this package registers the mixings that come with it.
"""

from dsf_models.mixings.delay import DelayMixing
from dsf_models.mixings.delay_matrix import DelayMatrixMixing
from dsf_models.mixings.pssa import PSSA
from dsf_models.mixings.pssa_delay_matrix import PssaBesideDelayMatrix
from dsf_models.mixings.registry import make_mixing, mixing_class, mixing_names, register_mixing
from dsf_models.mixings.sdsa1 import SDSA1
from dsf_models.mixings.sdsa3 import SDSA3
from dsf_models.mixings.sssa import SSSA
from dsf_models.mixings.token_mixing import TokenMixing
from dsf_models.mixings.tssa import TSSA

__all__ = [
    "PSSA",
    "SDSA1",
    "SDSA3",
    "SSSA",
    "TSSA",
    "DelayMatrixMixing",
    "DelayMixing",
    "PssaBesideDelayMatrix",
    "TokenMixing",
    "make_mixing",
    "mixing_class",
    "mixing_names",
    "register_mixing",
]
