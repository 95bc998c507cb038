"""What runs a network: one small interface, and the engines behind it."""
