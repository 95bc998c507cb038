"""One module for each command of ``python -m ml``: ``add_arguments`` and ``run``."""
