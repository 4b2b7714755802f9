"""Files of GitLab's on disk: streamed, resumed where the server can, named by what they hold.

Read from the configured GitLab only; where that sends its readers to object storage, they go there without
the token (administration/object_storage: signed addresses).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit
from weakref import WeakValueDictionary

import aiohttp

from gl2gh_batch.domain.errors import NotFoundError, SourceError, TransportError, WorkDirectoryError
from gl2gh_batch.domain.limits import GITLAB_COSTS
from gl2gh_batch.kit.http import MAX_HOPS, HttpClient, NoAnswerError
from gl2gh_batch.kit.verdict import Verdict, verdict

CHUNK_BYTES: Final = 1 << 18
# A page that wants a person to sign in stands before every file, and will stay.
OTHER_TRIES: Final = 3
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")
_WAITS: Final = frozenset({Verdict.UNCLEAR, Verdict.RATE_LIMITED})


class SentAs(Enum):
    """How GitLab sends what is asked for; a page of a proxy in front of it with status 200 comes otherwise.

    `FILE`: from disk with a Content-Disposition (gitlabhq: `present_disk_file!`, `send_upload`,
    `send_git_blob`), from object storage with what storage says of an object. `TEXT`: old GitLabs send a
    snippet so, with nothing but its type. `EVIDENCE`: a JSON object about a release (`EvidencesController`).
    """

    FILE = "file"
    TEXT = "text"
    EVIDENCE = "evidence"

    def allows(self, status: int, headers: Mapping[str, str]) -> bool:
        """True unless status and headers show that it is something else."""
        if status not in {200, 206}:
            return False
        kind = headers.get("Content-Type", "").partition(";")[0].strip()
        if self is SentAs.EVIDENCE:
            return kind == "application/json"
        if self is SentAs.TEXT and kind == "text/plain":
            return True
        # GitLab's own documents have weak tags (Rack::ETag); what lies in storage has strong ones.
        is_stored = "Last-Modified" in headers or headers.get("ETag", "W/").startswith('"')
        return is_stored or "Content-Disposition" in headers

    def fits(self, content: Path) -> bool:
        """True unless the content shows that it is something else."""
        if self is not SentAs.EVIDENCE:
            return True
        try:
            said = json.loads(content.read_bytes())
        except (ValueError, RecursionError):
            return False
        return isinstance(said, dict) and "release" in said


class _OtherError(NoAnswerError):
    """An answer that is not what was asked for."""

    def __init__(self) -> None:
        super().__init__("something else came in its place, a page of a proxy perhaps")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file that was read whole; it lies at `place_of(folder, sha256)`. `blob` is git's id of it."""

    sha256: str
    size: int
    blob: str


class FileTooLargeError(SourceError):
    """The file is larger than what is taken; `size` in bytes, 0 where GitLab did not say it."""

    def __init__(self, message: str, *, size: int = 0) -> None:
        super().__init__(message, hint="It stays on GitLab.")
        self.size = size


def place_of(folder: Path, sha256: str) -> Path:
    """Where a file with that digest lies; raises `WorkDirectoryError` for what is none.

    Records may come from an export that somebody else made: no path of theirs leads anywhere.
    """
    return folder / stored_under(sha256)


def stored_under(sha256: str) -> str:
    """The same below the folder, with a slash."""
    if not _DIGEST.fullmatch(sha256):
        raise WorkDirectoryError(
            f"a record names {sha256[:80]!r} in the place of a file's digest",
            hint="Run again with resume_from=export; from an export: copy the whole folder again.",
        )
    return f"{sha256[:2]}/{sha256}"


def is_stored(folder: Path, sha256: str, size: int) -> bool:
    """Whether a file with that digest was read whole: it gets its place only then."""
    try:
        return bool(sha256) and place_of(folder, sha256).stat().st_size == size
    except OSError:
        return False


_UNDER_WAY: Final[WeakValueDictionary[Path, asyncio.Lock]] = WeakValueDictionary()


class Download:
    """One file on its way: what came so far is kept beside the others, and read on from there."""

    def __init__(
        self, http: HttpClient, address: str, folder: Path, *, max_bytes: int, who: str, sent_as: SentAs
    ) -> None:
        self._http = http
        self._sent_as = sent_as
        self._url = http.origin.absolute(address)
        self._folder = folder
        self._max_bytes = max_bytes
        self._who = who
        key = hashlib.sha256(self._url.encode()).hexdigest()[:32]
        self._part = folder / f".{key}.part"
        self._tag = folder / f".{key}.etag"

    async def run(self) -> StoredFile:
        """Read it to its end; raises `NotFoundError`, `FileTooLargeError` or `TransportError`."""
        # Two that want the same file would write into one part: the second one waits.
        lock = _UNDER_WAY.setdefault(self._part, asyncio.Lock())
        async with lock:
            return await self._run()

    async def _run(self) -> StoredFile:
        attempt = 0
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            while True:
                what, most = "it kept breaking off", self._http.retries.tries
                try:
                    done, retry_after_s = await self._try()
                except NoAnswerError as error:
                    done, retry_after_s = False, None
                    if error.final:
                        raise self._unreachable(error.what) from error
                    if isinstance(error, _OtherError):
                        what, most = error.what, OTHER_TRIES
                if done:
                    return await asyncio.to_thread(self._finish)
                attempt += 1
                if attempt >= most:
                    raise self._unreachable(what)
                await self._http.pause(attempt, retry_after_s)
        except OSError as error:
            raise WorkDirectoryError(
                f"a file cannot be kept in {self._folder.name}: {error.strerror or error}",
                hint=f"Make room or give rights in {self._folder}, then run the same command again.",
            ) from error

    async def _try(self) -> tuple[bool, float | None]:
        """One try, redirects followed: whether the file is whole, and the seconds that the server wants."""
        url, offset, tag = self._url, *self._begun()
        headers = {"Accept-Encoding": "identity"}
        if offset and tag:
            headers |= {"Range": f"bytes={offset}-", "If-Range": tag}
        for _ in range(MAX_HOPS + 1):
            async with self._http.opened(url, costs=GITLAB_COSTS, who=self._who, headers=headers) as response:
                said = verdict(response.status)
                if said is Verdict.MOVED and "Location" in response.headers:
                    url = self._next(url, response.headers["Location"])
                    continue
                if said is Verdict.DONE:
                    await self._receive(response, offset)
                    if not await asyncio.to_thread(self._sent_as.fits, self._part):
                        self._part.unlink()
                        raise _OtherError
                    return True, None
                if said in _WAITS:
                    return False, _seconds(response.headers)
                if response.status == 416:
                    self._part.unlink(missing_ok=True)
                    return False, None
                raise NotFoundError(
                    f"GET {urlsplit(self._url).path} got {response.status} from GitLab",
                    hint="The file is gone, or the token may not see it.",
                )
        raise self._unreachable("too many redirects")

    def _next(self, url: str, location: str) -> str:
        following = urljoin(url, location)
        parts = urlsplit(following)
        if parts.path.rstrip("/").endswith("/users/sign_in"):
            raise NotFoundError(
                f"GET {urlsplit(self._url).path} wants a person to sign in",
                hint="GitLab gives such files to its API from 17.4 on.",
            )
        is_lower = urlsplit(url).scheme == "https" and parts.scheme != "https"
        if parts.scheme not in {"http", "https"} or is_lower:
            raise self._unreachable(f"a redirect to {parts.scheme or 'nowhere'}: is not followed")
        return following

    async def _receive(self, response: aiohttp.ClientResponse, offset: int) -> None:
        if not self._sent_as.allows(response.status, response.headers):
            raise _OtherError
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        begin = int(found.group(1)) if response.status == 206 and found else 0
        if begin != offset:
            begin = 0
            if response.status == 206:
                raise NoAnswerError("a range that was not asked for")
        size = begin + (response.content_length or 0)
        if size > self._max_bytes:
            raise FileTooLargeError(self._too_large(), size=size)
        tag = response.headers.get("ETag", "")
        self._tag.write_text("" if tag.startswith("W/") else tag, encoding="latin-1")
        with self._part.open("r+b" if begin else "wb") as file:
            file.seek(begin)
            got = begin
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                got += len(chunk)
                if got > self._max_bytes:
                    raise FileTooLargeError(self._too_large())
                try:
                    file.write(chunk)
                except OSError as error:
                    raise WorkDirectoryError(
                        f"a file cannot be kept: {error.strerror}", hint="Make room, then run again."
                    ) from error

    def _begun(self) -> tuple[int, str]:
        try:
            return self._part.stat().st_size, self._tag.read_text("latin-1")
        except OSError:
            return 0, ""

    def _finish(self) -> StoredFile:
        digest, size = hashlib.sha256(), self._part.stat().st_size
        blob = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        with self._part.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                blob.update(chunk)
            os.fsync(file.fileno())
        place = place_of(self._folder, digest.hexdigest())
        place.parent.mkdir(parents=True, exist_ok=True)
        self._part.replace(place)
        self._tag.unlink(missing_ok=True)
        return StoredFile(sha256=digest.hexdigest(), size=size, blob=blob.hexdigest())

    def _too_large(self) -> str:
        return f"{urlsplit(self._url).path} is larger than {self._max_bytes} bytes"

    def _unreachable(self, what: str) -> TransportError:
        return TransportError(
            f"GitLab did not give {urlsplit(self._url).path} whole ({what})",
            hint="Running again is safe: what came is kept.",
        )


def _seconds(headers: Mapping[str, str]) -> float | None:
    told = headers.get("Retry-After", "")
    return float(told) if told.isdecimal() else None
