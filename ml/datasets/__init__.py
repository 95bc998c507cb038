"""Public data sets as labelled stacks, and the written patient-wise splits."""
