"""How fast a volume becomes a mask here, against yardsticks measured in the same run."""
