"""GitHub, reading and authentication; GitHub's words. Writing is the engines' work."""
