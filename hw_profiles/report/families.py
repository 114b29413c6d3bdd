"""Terms of an account in a few families, so that a chart needs no more colours than the eye tells apart."""

from __future__ import annotations

# A term belongs to the first family that has a word of its own in the term's name.
FAMILIES = {
    "static power": ("static",),
    "host": ("host",),
    "routing": ("hop", "message", "spike", "chip crossing", "axon"),
    "barrier": ("barrier",),
    "memory": ("memory", "read", "write", "addressing", "weight"),
    "neurons": ("neuron", "update"),
    "synapses": ("synap", "synop", "accumulate"),
    "arithmetic": ("mac", "multipl"),
}
OTHER = "other"

# Okabe and Ito's palette, which people with each kind of colour blindness can tell apart.
COLOURS = {
    "static power": "#0072B2",
    "host": "#56B4E9",
    "routing": "#CC79A7",
    "barrier": "#F0E442",
    "memory": "#D55E00",
    "neurons": "#009E73",
    "synapses": "#E69F00",
    "arithmetic": "#999999",
    OTHER: "#999999",
}


def family_of(term: str) -> str:
    """The family of a term; :data:`OTHER` for one that no family names."""
    lower = term.lower()
    return next((family for family, words in FAMILIES.items() if any(word in lower for word in words)), OTHER)
