"""The certificate that a project gets after every run that applied or verified."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

from gl2gh_batch import codec
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents.apply import CLOSED, phase_is_done
from gl2gh_batch.agents.plan import read_plan
from gl2gh_batch.agents.verify import read_verification
from gl2gh_batch.domain.certificate import Certificate, CertificateVerdict
from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.domain.plan import CREATE_STEP, Phase, Plan
from gl2gh_batch.domain.result import Verification
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import facts_of, read_lines, read_manifest, write_document

SCHEMA: Final = "gl2gh-batch/certificate"
VERSION: Final = 1
REMEDY: Final = "Run gl2gh-batch verify: it writes the certificate anew."


def certify(desk: Desk) -> Certificate | None:
    """Write `certificate.json` from what the folder holds; None where there is no plan to certify.

    A verification of another plan, or one that was broken off, certifies nothing.
    """
    try:
        plan = read_plan(desk.folder)
        if plan is None:
            return None
        certificate = _certificate(desk, plan)
    except (WorkDirectoryError, OSError, codec.DecodeError):
        # What is damaged is the run's own failure to tell; an old certificate must not speak for it.
        desk.folder.certificate.unlink(missing_ok=True)
        return None
    certificate = replace(certificate, digest=codec.digest(certificate))
    write_document(desk.folder.certificate, SCHEMA, VERSION, certificate)
    return certificate


def _certificate(desk: Desk, plan: Plan) -> Certificate:
    verification = read_verification(desk.folder)
    if verification is not None and verification.plan_digest != plan.digest:
        verification = None
    certificate = Certificate(
        verdict=_verdict(desk, plan, verification),
        source=str(plan.project.full_path),
        source_id=plan.project.id,
        gitlab_url=desk.gitlab_url,
        target=str(plan.repo),
        github_url=desk.github_url,
        repository_id=_repository_id(desk),
        issued_at=desk.now(),
        tool_version=desk.tool_version,
        plan_digest=plan.digest,
        plan_lineage=plan.lineage,
        plan_serial=plan.serial,
        plan_inputs=plan.inputs,
    )
    if desk.folder.losses.is_file():
        kinds = _losses(desk)
        certificate = replace(
            certificate,
            losses=kinds,
            total_losses=sum(kinds.values()),
            losses_sha256=facts_of(desk.folder.losses).sha256,
        )
    manifest = read_manifest(desk.folder.desired, remedy=REMEDY)
    if manifest is not None:
        records = {
            name: manifest.files[f"{name}.ndjson"].sha256
            for name in desk.kinds
            if f"{name}.ndjson" in manifest.files
        }
        certificate = replace(certificate, expected=records)
    if verification is None:
        return certificate
    return replace(
        certificate,
        verified_at=verification.verified_at,
        kinds=verification.kinds,
        found={name: one.seen_sha256 for name, one in verification.kinds.items()},
        total_differences=verification.total_differences,
        differences=verification.differences,
        differences_sha256=facts_of(desk.folder.differences).sha256,
    )


def _verdict(desk: Desk, plan: Plan, verification: Verification | None) -> CertificateVerdict:
    if verification is None:
        return CertificateVerdict.NOT_VERIFIED
    if verification.total_differences:
        return CertificateVerdict.DIFFERENT
    is_closed = verification.phase == Phase.CLOSE and phase_is_done(desk, CLOSED, plan)
    return CertificateVerdict.COMPLETE if is_closed else CertificateVerdict.NOT_CLOSED


def _losses(desk: Desk) -> dict[str, int]:
    kinds: Counter[str] = Counter()
    for line in read_lines(desk.folder.losses):
        kinds[str(codec.decode(line, dict[str, object]).get("kind", ""))] += 1
    return dict(kinds)


def _repository_id(desk: Desk) -> int | None:
    if not desk.folder.ledger.exists():
        return None
    with Ledger(desk.folder.ledger) as ledger:
        receipt = ledger.receipt(CREATE_STEP)
    found = None if receipt is None else receipt.fields.get("id")
    return found if isinstance(found, int) else None
