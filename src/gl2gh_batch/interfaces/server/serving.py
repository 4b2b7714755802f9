"""`gl2gh-batch serve`: one service on one work directory, until a signal."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.interfaces.running import SIGNALS
from gl2gh_batch.interfaces.server.app import connections_of, make_app
from gl2gh_batch.interfaces.server.audit import AuditLog
from gl2gh_batch.interfaces.server.auth import hosts_for
from gl2gh_batch.interfaces.server.config import Access, Role, ServerConfig, read_server_config
from gl2gh_batch.interfaces.server.service import Service
from gl2gh_batch.interfaces.server.store import Store
from gl2gh_batch.interfaces.views import say
from gl2gh_batch.kit.file_lock import FileLock
from gl2gh_batch.kit.redact import Redactor

DATABASE: Final = "service.sqlite"
LOCK: Final = "service.lock"
AUDIT: Final = "audit.ndjson"
SHUTDOWN_S: Final = 3.0
KEEP_ALIVE_S: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A service that answers: where it is, and the token that was made when there was none."""

    url: str
    token: str
    service: Service


def main(config: Path, environment: Mapping[str, str], redactor: Redactor) -> int:
    """Serve until INT, TERM or HUP; 0, since being stopped is how a service ends."""
    asyncio.run(_main(read_server_config(config, environment), redactor))
    return 0


async def _main(config: ServerConfig, redactor: Redactor) -> None:
    async with open_service(config, redactor) as serving:
        say(f"gl2gh-batch serves {serving.url}/")
        if serving.token:
            say(
                "There is no token in the configuration. For this run alone, an operator's:",
                f"  {serving.url}/#token={serving.token}",
            )
        await until_signal()


async def until_signal() -> None:
    """Wait for INT, TERM or HUP."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    number: signal.Signals
    for number in SIGNALS:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stopped.set)
    try:
        await stopped.wait()
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def open_service(config: ServerConfig, redactor: Redactor) -> AsyncIterator[Serving]:
    """Serve inside the context; raises `ConfigurationError` where another runs, or the address is taken."""
    with_token = config.access or not config.is_local
    token = "" if with_token else secrets.token_urlsafe(32)
    access = config.access or (
        Access(name="local", role=Role.OPERATOR, sha256=hashlib.sha256(token.encode()).hexdigest()),
    )
    lock = _locked(config.work_dir)
    try:
        store = await Store.open(config.work_dir / DATABASE)
        audit = AuditLog(config.work_dir / AUDIT)
        service = Service(config, store, redactor=redactor)
        try:
            async with _listening(config, service, access, audit) as url:
                await service.start()
                try:
                    yield Serving(url=url, token=token, service=service)
                finally:
                    await service.stop()
        finally:
            audit.close()
            await store.close()
    finally:
        lock.release()
        lock.close()


@asynccontextmanager
async def _listening(
    config: ServerConfig, service: Service, access: tuple[Access, ...], audit: AuditLog
) -> AsyncIterator[str]:
    port = config.port

    def hosts() -> frozenset[str]:
        return hosts_for(config.host, port, config.allowed_hosts)

    app = make_app(service, access=access, hosts=_once(hosts), audit=audit)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=SHUTDOWN_S,
        keepalive_timeout=KEEP_ALIVE_S,
        logger=_quiet_logger(),
        max_line_size=8190,
        max_field_size=8190,
    )
    await runner.setup()
    try:
        connections_of(app).server = runner.server
        site = web.TCPSite(runner, config.host, config.port, reuse_address=True)
        try:
            await site.start()
        except OSError as error:
            raise ConfigurationError(
                f"{config.host}:{config.port} cannot be listened on: {error.strerror}",
                field="listen",
                hint="Choose another port or address, or stop what listens there.",
            ) from error
        port = int(runner.addresses[0][1])
        host = f"[{config.host}]" if ":" in config.host else config.host
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


class _NotTheirs(logging.Filter):
    """A client that speaks no HTTP is answered, and is no reason for a traceback in our log."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _quiet_logger() -> logging.Logger:
    logger = logging.getLogger("gl2gh_batch.http")
    if not logger.filters:
        logger.addFilter(_NotTheirs())
    return logger


def _once(make: Callable[[], frozenset[str]]) -> Callable[[], frozenset[str]]:
    made: list[frozenset[str]] = []

    def answer() -> frozenset[str]:
        if not made:
            made.append(make())
        return made[0]

    return answer


def _locked(work_dir: Path) -> FileLock:
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(work_dir / LOCK)
        if lock.try_acquire():
            return lock
        lock.close()
    except OSError as error:
        raise ConfigurationError(
            f"{work_dir} cannot be used: {error.strerror}",
            field="work_dir",
            hint="Name a folder that can be written.",
        ) from error
    raise ConfigurationError(
        f"another service runs on {work_dir}",
        field="work_dir",
        hint="Stop it, or give this one a work directory of its own.",
    )
