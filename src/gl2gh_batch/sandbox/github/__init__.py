"""GitHub, as far as a migration meets it."""
