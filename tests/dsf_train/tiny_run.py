"""Options of the smallest run that trains, exports nothing, and ends in seconds."""

TINY = (
    "env=pendulum",
    "model.embedding_size=16",
    "model.blocks=1",
    "model.window=2",
    "model.context=4",
    "model.time_steps=2",
    "batch_size=16",
    "log_every=10",
    "evaluate_every=0",
    "final_episodes=1",
    "threads=1",
)
