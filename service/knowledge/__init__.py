"""The guideline as data and its evaluation; no I/O."""
