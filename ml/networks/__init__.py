"""Networks, and how one is built from the few lines that a configuration or card says of it."""
