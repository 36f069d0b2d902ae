"""Databases that values go to: one file a database, what they share in `_database`."""
