"""The certificate of one project: what was expected on GitHub, what was found, and what was given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gl2gh_batch.domain.result import Difference, KindVerification


class CertificateVerdict(StrEnum):
    """What a certificate says; only `complete` is a success."""

    COMPLETE = "complete"
    NOT_CLOSED = "not-closed"
    DIFFERENT = "different"
    NOT_VERIFIED = "not-verified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One project's certificate.

    `expected` and `found` hold digests by kind: of the records that were planned and of those read back.
    `refused` holds what GitHub refused and the migration did without: its words by step.
    `losses` counts by kind what the plan said would not be carried over. `differences` holds the first
    ones; `differences_sha256` covers them all. `digest` covers everything else in the certificate.
    """

    verdict: CertificateVerdict
    source: str
    source_id: int
    gitlab_url: str
    target: str
    github_url: str
    repository_id: int | None
    issued_at: str
    verified_at: str = ""
    tool_version: str
    plan_digest: str
    plan_lineage: str
    plan_serial: int
    plan_inputs: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, KindVerification] = field(default_factory=dict)
    expected: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, str] = field(default_factory=dict)
    total_differences: int = 0
    differences: tuple[Difference, ...] = ()
    differences_sha256: str = ""
    total_losses: int = 0
    losses: Mapping[str, int] = field(default_factory=dict)
    losses_sha256: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
