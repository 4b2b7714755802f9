"""The certificate that a project gets after every run that applied or verified."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

from gl2gh_batch import codec
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents.apply import CLOSED, phase_is_done
from gl2gh_batch.agents.plan import read_plan, read_steps
from gl2gh_batch.agents.verify import belongs, read_verification, repository_id
from gl2gh_batch.domain.certificate import Certificate, CertificateVerdict
from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.plan import Phase, Plan, whole_step
from gl2gh_batch.domain.result import Verification
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import facts_of, read_document, read_lines, read_manifest, write_document

SCHEMA: Final = "gl2gh-batch/certificate"
VERSION: Final = 1
REMEDY: Final = "Run gl2gh-batch verify: it writes the certificate anew."


def read_certificate(desk: Desk) -> Certificate | None:
    """The certificate that was issued last; None when there is none, or none that can be read."""
    try:
        return read_document(desk.folder.certificate, SCHEMA, VERSION, Certificate, remedy=REMEDY)
    except WorkDirectoryError:
        return None


def is_certified(desk: Desk, plan: Plan) -> bool:
    """Whether the last certificate says that this very plan is complete."""
    certificate = read_certificate(desk)
    return (
        certificate is not None
        and certificate.verdict is CertificateVerdict.COMPLETE
        and certificate.plan_digest == plan.digest
        and certificate.repository_id == repository_id(desk)
    )


def certify(desk: Desk, *, is_verified: bool) -> Certificate | None:
    """Write `certificate.json` from what the folder holds; None where there is no plan to certify.

    Only what this very run compared counts (`is_verified`): an earlier verification, one of another plan
    or of another repository, and one that was broken off certify nothing as of now.
    """
    try:
        plan = read_plan(desk.folder)
        if plan is None:
            return None
        certificate = _certificate(desk, plan, read_verification(desk.folder) if is_verified else None)
    except (WorkDirectoryError, OSError, codec.DecodeError):
        # What is damaged is the run's own failure to tell; an old certificate must not speak for it.
        desk.folder.certificate.unlink(missing_ok=True)
        return None
    certificate = replace(certificate, digest=codec.digest(certificate))
    write_document(desk.folder.certificate, SCHEMA, VERSION, certificate)
    return certificate


def _certificate(desk: Desk, plan: Plan, verification: Verification | None) -> Certificate:
    if verification is not None and not belongs(desk, plan, verification):
        verification = None
    certificate = Certificate(
        verdict=_verdict(desk, plan, verification),
        source=str(plan.project.full_path),
        source_id=plan.project.id,
        gitlab_url=desk.gitlab_url,
        target=str(plan.repo),
        github_url=desk.github_url,
        repository_id=repository_id(desk),
        issued_at=desk.now(),
        tool_version=desk.tool_version,
        plan_digest=plan.digest,
        plan_lineage=plan.lineage,
        plan_serial=plan.serial,
        plan_inputs=plan.inputs,
        refused=_refused(desk),
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


def _refused(desk: Desk) -> dict[str, str]:
    """What GitHub refused of the present plan, with its words."""
    if not desk.folder.ledger.exists():
        return {}
    with Ledger(desk.folder.ledger) as ledger:
        refused = {one.step: str(one.fields.get("message", "")) for one in ledger.receipts(StepState.REFUSED)}
    if not refused:
        return {}
    wanted = {whole_step(step) for step in refused}
    planned = {one.id for one in read_steps(desk.folder) if one.id in wanted}
    return {step: message for step, message in refused.items() if whole_step(step) in planned}


def _losses(desk: Desk) -> dict[str, int]:
    kinds: Counter[str] = Counter()
    for line in read_lines(desk.folder.losses):
        kinds[str(codec.decode(line, dict[str, object]).get("kind", ""))] += 1
    return dict(kinds)
