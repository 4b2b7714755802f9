"""The GitLab side of the sandbox: a world of projects, and API v4 and git over HTTP for it."""
