"""The profile whose figures are the headline of a run: in the terminal, at the top of a report, on the cards."""

# Its prices are a regression over measurements on silicon; other chips' are simulated or inferred.
MAIN_PROFILE = "loihi1-measured"
