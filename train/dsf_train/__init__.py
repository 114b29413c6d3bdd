"""Training: from offline data to a policy."""
