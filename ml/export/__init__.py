"""Scans and masks given away as a training set, without what says whose they are."""
