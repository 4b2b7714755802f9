"""Many projects at once: what they share, in which order they go, and their common result."""
