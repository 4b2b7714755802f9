"""A book with a few known people, numbers, names and files."""

from __future__ import annotations

from dataclasses import dataclass

from gl2gh_batch.domain.people import UserMapping
from gl2gh_batch.domain.refs import RepoRef

LOGINS = {"alice": "alice-gh", "john.doe": "jdoe", "dora": None, "mallory": "x @victim"}
OWN = RepoRef(owner="acme", name="app")
OTHER = RepoRef(owner="acme", name="lib")
PROJECTS = {"group/app": OWN, "group/lib": OTHER}
LABELS = {"bug": "bug", "two words": "two words", "team::core": "team::core", "Long One": "Long"}
MILESTONES = {"v1.0": "v1.0", "3": "v1.0", "two words": "two words"}
SECRET = "0123456789abcdef0123456789abcdef"
FILES = {"a.png", "film.mp4", "log file.txt"}

RELEASE_FILES = {
    "v1.0/downloads/bin/app (1).zip": "download/v1.0/app-1.zip",
    "release/next/downloads/app.zip": "download/release/next/app.zip",
    "permalink/latest/downloads/app.zip": "latest/download/app.zip",
    "v1.0/evidences/1.json": "download/v1.0/evidence-1.json",
}


@dataclass(frozen=True)
class KnownBook:
    """Project `group/app` becomes `acme/app`, `group/lib` becomes `acme/lib`; issues up to 20 are known."""

    gitlab_url: str = "https://gitlab.example.com"
    github_url: str = "https://github.com"
    project_path: str = "group/app"
    repo: RepoRef = OWN
    mentions: bool = True
    in_file: bool = False

    def user(self, username: str) -> UserMapping | None:
        if username not in LOGINS:
            return None
        return UserMapping(gitlab_username=username, github_login=LOGINS[username])

    def repository(self, project_path: str) -> RepoRef | None:
        return PROJECTS.get(project_path.lower())

    def label(self, name: str) -> str | None:
        return LABELS.get(name)

    def milestone(self, name: str) -> str | None:
        return MILESTONES.get(name)

    def upload(self, secret: str, filename: str, holder: str = "") -> str | None:
        del holder
        known = secret == SECRET and filename in FILES
        return f"https://github.com/acme/app/raw/uploads/{secret}/{filename}" if known else None

    def snippet(self, snippet_id: int) -> str | None:
        return "https://github.com/acme/app/tree/gl2gh-snippets/77" if snippet_id == 77 else None

    def release_file(self, path: str) -> str | None:
        name = RELEASE_FILES.get(path)
        return None if name is None else f"https://github.com/acme/app/releases/{name}"

    def wiki_page(self, slug: str) -> str | None:
        return "https://github.com/acme/app/blob/wiki/Guide.md" if slug == "guide" else None

    def local(self, address: str) -> str | None:
        del address
        return None

    def issue_number(self, iid: int, project_path: str | None = None) -> tuple[RepoRef, int] | None:
        repo = PROJECTS.get(project_path or self.project_path)
        return (repo, iid + 1000) if repo and 1 <= iid <= 20 else None

    def merge_request_number(self, iid: int, project_path: str | None = None) -> tuple[RepoRef, int] | None:
        repo = PROJECTS.get(project_path or self.project_path)
        return (repo, iid + 2000) if repo and 1 <= iid <= 5 else None
