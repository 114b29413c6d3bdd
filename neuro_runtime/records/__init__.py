"""The records of a run: every decision, its summary, and the folder they are saved in."""
