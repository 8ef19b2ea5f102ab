"""A Django app of its own, for what takes too long for the other environments."""
