"""GitLab, reading only; GitLab's words."""
