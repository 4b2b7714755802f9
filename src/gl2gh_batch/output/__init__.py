"""Results for people and programs, as text; pure."""
