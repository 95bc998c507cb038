"""The REST API: the same record as on the pages, for programs. ``docs/api.md`` lists it."""
