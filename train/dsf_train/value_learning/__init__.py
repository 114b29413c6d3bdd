"""Value learning from a dataset: CQL, IQL and TD3+BC, whose updates are d3rlpy's."""
