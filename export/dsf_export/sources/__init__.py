"""Networks of other frameworks: files that come in, as float networks and as programs of neurons."""
