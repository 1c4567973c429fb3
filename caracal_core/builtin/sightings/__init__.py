"""Which agents were let in, what they showed, and what proved them: for `caracal auth plan`."""
