"""Training through Loihi's weights: a model computed as its program is, every synapse rounded as the export does it."""
