"""Everything that one machine needs to run Sulcus by itself: no Django and no model in here.

A production install does not use this package: its PostgreSQL, Redis, web server and workers
are services of their own (see ``docs/operations.md``).
"""
