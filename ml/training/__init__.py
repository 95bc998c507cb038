"""Training: from a configuration file to weights."""
