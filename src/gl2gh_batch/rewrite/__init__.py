"""GitLab text → GitHub text; pure."""
