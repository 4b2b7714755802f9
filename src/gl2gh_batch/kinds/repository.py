"""The repository itself: its face, its settings, its branches and tags."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from gl2gh_batch.domain.audience import visibility_on_github
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.plan import (
    CREATE_STEP,
    SNIPPETS_CREATE_STEP,
    Call,
    Completion,
    GitPush,
    LfsPush,
    Lookup,
    NoOp,
    Pace,
    Phase,
    Step,
    TargetFacts,
    WikiPush,
)
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import Visibility
from gl2gh_batch.domain.result import Difference
from gl2gh_batch.kinds._badges import KIND_COUNTED, read_badges
from gl2gh_batch.kinds._kind import Kind, Receipts, Setting, Shaped, Source, compare
from gl2gh_batch.kinds._repository_losses import losses_of
from gl2gh_batch.kinds._repository_values import RepositoryDesired, RepositoryRecord
from gl2gh_batch.kinds.snippets import MAIN, SNIPPETS_REF, companion
from gl2gh_batch.kinds.wiki import WIKI_REF, WIKI_STEP
from gl2gh_batch.kit.git_claim import CLAIM_REF
from gl2gh_batch.kit.git_refs import MIGRATED_PREFIXES, PULLS_PREFIX, refused_refs
from gl2gh_batch.rewrite.names import repository_description
from gl2gh_batch.rewrite.names import topics as github_topics
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.witness import Witness

MIRROR: Final = "git/repository.git"
PUSH_STEP: Final = "repository/refs"
# Takes away the branches that pull requests of merged and closed merge requests were made from.
TIDY_STEP: Final = "repository/temporary-refs"
ACTIONS_STEP: Final = "repository/actions-on"
OPEN_STEP: Final = "repository/open"


class RepositoryKind(Kind[RepositoryRecord, RepositoryDesired]):
    """Four requests and one push; three more when it is opened."""

    name = "repository"
    record_type = RepositoryRecord
    desired_type = RepositoryDesired
    transform_order: ClassVar[int] = 2
    lists: ClassVar[frozenset[str]] = frozenset({KIND_COUNTED})

    async def read(self, gitlab: GitLab, source: Source) -> AsyncIterator[RepositoryRecord]:
        project = source.unmarked(await gitlab.project(source.inventory.project.id))
        origin = project.forked_from_project
        yield RepositoryRecord(
            description=project.description or "",
            visibility=project.visibility,
            default_branch=project.default_branch,
            topics=project.topics or project.tag_list or (),
            archived=project.archived,
            issues_enabled=project.has_issues,
            merge_method=project.merge_method or "merge",
            squash_option=project.squash_option or "default_off",
            remove_source_branch_after_merge=bool(project.remove_source_branch_after_merge),
            refs={name: sha for name, sha in source.refs.items() if name.startswith(MIGRATED_PREFIXES)},
            merge_requests_enabled=project.has_merge_requests,
            ci_enabled=project.has_ci,
            forked_from="" if origin is None else origin.path_with_namespace,
            avatar_url=project.avatar_url or "",
            merge_commit_template=project.merge_commit_template or "",
            squash_commit_template=project.squash_commit_template or "",
            waits_for_pipeline=bool(project.only_allow_merge_if_pipeline_succeeds),
            waits_for_threads=bool(project.only_allow_merge_if_all_discussions_are_resolved),
            forking_forbidden=project.forking_access_level == "disabled",
            badges=await read_badges(gitlab, source, project),
        )

    def shape(self, record: RepositoryRecord, setting: Setting) -> Shaped[RepositoryDesired]:
        refused = {one.name: one.reason for one in refused_refs(record.refs)}
        refs = {ref: sha for ref, sha in record.refs.items() if ref not in refused}
        refs |= {ref: sha for ref, sha in setting.trees.items() if ref.startswith(MIGRATED_PREFIXES)}
        description, topics = repository_description(record.description), github_topics(record.topics)
        losses = losses_of(record, setting, refused=refused, description=description, topics=topics)
        head = f"refs/heads/{record.default_branch}"
        always_squashed = record.squash_option == "always"
        visibility = visibility_on_github(setting.policies, record.visibility, setting.hidden).value
        return Shaped(
            desired=RepositoryDesired(
                description=description,
                visibility=visibility,
                archived=record.archived,
                has_issues=record.issues_enabled,
                default_branch=record.default_branch if head in refs else None,
                topics=tuple(topics),
                allow_merge_commit=record.merge_method != "ff" and not always_squashed,
                allow_squash_merge=record.squash_option != "never",
                allow_rebase_merge=record.merge_method == "ff" and not always_squashed,
                delete_branch_on_merge=record.remove_source_branch_after_merge,
                refs={**refs, **setting.pushed.kept},
                temporary_refs=setting.pushed.temporary,
                spare_refs=setting.pushed.spare,
                lfs=setting.pushed.lfs,
                wiki=setting.trees.get(WIKI_REF, ""),
                has_pull_requests=record.merge_requests_enabled,
                has_actions=record.ci_enabled,
                has_wiki=WIKI_REF in setting.trees,
                snippets=setting.trees.get(SNIPPETS_REF, ""),
                snippets_visibility=visibility if SNIPPETS_REF in setting.trees else "",
            ),
            losses=tuple(losses),
        )

    async def observe(self, github: GitHub, repo: RepoRef) -> AsyncIterator[str]:
        if await github.repository(repo) is not None:
            yield "repository"

    def steps(self, desired: RepositoryDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step | NoOp]:
        yield from self._fill(desired, repo, facts)
        yield from self._close(desired, repo)

    def _fill(self, desired: RepositoryDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step | NoOp]:
        settings = {
            "description": desired.description,
            "has_issues": True,
            "has_wiki": bool(desired.wiki),
            "allow_merge_commit": desired.allow_merge_commit,
            "allow_squash_merge": desired.allow_squash_merge,
            "allow_rebase_merge": desired.allow_rebase_merge,
            "delete_branch_on_merge": desired.delete_branch_on_merge,
        }
        yield Call(
            id=CREATE_STEP,
            kind=self.name,
            method="POST",
            path=f"/orgs/{repo.owner}/repos" if facts.owner_is_organisation else "/user/repos",
            body={
                "name": repo.name,
                "private": True,
                "auto_init": False,
                "has_projects": False,
                **settings,
            },
            lookup=Lookup(path=f"/repos/{repo}", field="full_name", value=str(repo)),
            keep=("id", "node_id", "full_name", "created_at"),
        )
        if facts.state == "empty":
            # GitHub answers 422 where it is so already: the lookup takes that for done.
            yield self._call(
                "private",
                "PATCH",
                f"/repos/{repo}",
                {"visibility": Visibility.PRIVATE.value},
                lookup=Lookup(path=f"/repos/{repo}", field="visibility", value=Visibility.PRIVATE.value),
                early=True,
            )
        yield self._call(
            "actions-off", "PUT", f"/repos/{repo}/actions/permissions", {"enabled": False}, early=True
        )
        if desired.refs and desired.lfs:
            # GitHub refuses pointers to objects that it does not have (GH008).
            yield LfsPush(id="repository/lfs", kind=self.name, repo=repo, mirror=MIRROR, objects=desired.lfs)
        if desired.refs:
            refs = {**desired.refs, **desired.temporary_refs}
            spared = {name: sha for name, (sha, _) in desired.spare_refs.items()}  # by an earlier run
            yield GitPush(id=PUSH_STEP, kind=self.name, repo=repo, mirror=MIRROR, refs=refs, expect=spared)
        if desired.snippets:
            yield from self._fill_snippets(desired, repo, facts)
        if facts.state == "empty" or desired.default_branch is not None:
            face = settings if facts.state == "empty" else {}
            if desired.default_branch is not None:
                face = {**face, "default_branch": desired.default_branch}
            yield self._call("face", "PATCH", f"/repos/{repo}", face)
        if desired.topics:
            yield self._call("topics", "PUT", f"/repos/{repo}/topics", {"names": list(desired.topics)})

    def _fill_snippets(self, desired: RepositoryDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step]:
        """The repository of the snippets, and its one push: refused where that holds anything else."""
        own = companion(repo)
        yield Call(
            id=SNIPPETS_CREATE_STEP,
            kind=self.name,
            method="POST",
            path=f"/orgs/{own.owner}/repos" if facts.owner_is_organisation else "/user/repos",
            body={
                "name": own.name,
                "description": f"Snippets of {repo}",
                "private": True,
                "auto_init": False,
                "has_issues": False,
                "has_projects": False,
                "has_wiki": False,
            },
            lookup=Lookup(path=f"/repos/{own}", field="full_name", value=str(own)),
            keep=("id", "full_name"),
        )
        yield GitPush(
            id="repository/snippets",
            kind=self.name,
            repo=own,
            mirror=MIRROR,
            refs={MAIN: desired.snippets},
        )

    def _close(self, desired: RepositoryDesired, repo: RepoRef) -> Iterator[Step | NoOp]:
        if desired.refs and desired.temporary_refs:
            yield GitPush(
                id=TIDY_STEP,
                kind=self.name,
                phase=Phase.CLOSE,
                repo=repo,
                mirror=MIRROR,
                refs={},
                expect=desired.refs,
                remove=desired.temporary_refs,
                spare=desired.spare_refs,
            )
        if desired.wiki:
            # Before the repository is opened; a person may have to make the first page meanwhile.
            yield WikiPush(id=WIKI_STEP, kind=self.name, repo=repo, mirror=MIRROR, commit=desired.wiki)
        if desired.has_actions:
            yield self._call(
                "actions-on",
                "PUT",
                f"/repos/{repo}/actions/permissions",
                {"enabled": True},
                phase=Phase.CLOSE,
                optional=True,
            )
        else:
            yield NoOp(id=ACTIONS_STEP, kind=self.name, reason="pipelines are switched off on GitLab")
        if desired.snippets:
            yield from self._close_snippets(desired, repo)
        opened: dict[str, Any] = {}
        if desired.visibility != Visibility.PRIVATE:
            opened["visibility"] = desired.visibility
        if not desired.has_issues:
            opened["has_issues"] = False
        if desired.has_pull_requests is False:
            opened["has_pull_requests"] = False
        if opened:
            yield self._call(
                "open",
                "PATCH",
                f"/repos/{repo}",
                opened,
                phase=Phase.CLOSE,
                lookup=Lookup(path=f"/repos/{repo}", field="visibility", value=desired.visibility)
                if "visibility" in opened
                else None,
            )
        if desired.archived:
            # Last of all: an archived repository takes no other write, not even this one again.
            yield self._call(
                "archive",
                "PATCH",
                f"/repos/{repo}",
                {"archived": True},
                phase=Phase.CLOSE,
                lookup=Lookup(path=f"/repos/{repo}", field="archived", value="true"),
            )

    def _close_snippets(self, desired: RepositoryDesired, repo: RepoRef) -> Iterator[Step]:
        path = f"/repos/{companion(repo)}"
        if (visibility := desired.snippets_visibility) != Visibility.PRIVATE:
            lookup = Lookup(path=path, field="visibility", value=visibility)
            yield self._call(
                "snippets-open", "PATCH", path, {"visibility": visibility}, phase=Phase.CLOSE, lookup=lookup
            )
        if desired.archived:
            lookup = Lookup(path=path, field="archived", value="true")
            yield self._call(
                "snippets-archive", "PATCH", path, {"archived": True}, phase=Phase.CLOSE, lookup=lookup
            )

    def _call(
        self,
        name: str,
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        phase: Phase = Phase.FILL,
        lookup: Lookup | None = None,
        optional: bool = False,
        early: bool = False,
    ) -> Call:
        return Call(
            id=f"repository/{name}",
            kind=self.name,
            phase=phase,
            method=method,
            path=path,
            body=body,
            pace=Pace.WRITE,
            completion=Completion.ANSWER,
            lookup=lookup,
            optional=optional,
            early=early,
        )

    async def read_back(self, witness: Witness, repo: RepoRef) -> AsyncIterator[RepositoryDesired]:
        seen = await witness.repository(repo)
        if seen is None:
            return
        refs = await witness.refs(repo)
        yield RepositoryDesired(
            description=seen.description or "",
            visibility=seen.visibility or ("private" if seen.private else "public"),
            archived=seen.archived,
            has_issues=seen.has_issues,
            default_branch=seen.default_branch if refs else None,
            topics=tuple(sorted(seen.topics or ())),
            allow_merge_commit=bool(seen.allow_merge_commit),
            allow_squash_merge=bool(seen.allow_squash_merge),
            allow_rebase_merge=bool(seen.allow_rebase_merge),
            delete_branch_on_merge=bool(seen.delete_branch_on_merge),
            has_pull_requests=seen.has_pull_requests,
            has_actions=None,
            homepage=seen.homepage or "",
            has_wiki=seen.has_wiki,
            refs={name: sha for name, sha in refs.items() if _is_pushed(name)},
        )

    async def seen_of(
        self, witness: Witness, repo: RepoRef, desired: Iterator[RepositoryDesired]
    ) -> AsyncIterator[RepositoryDesired]:
        wanted = list(desired)
        async for seen in self.read_back(witness, repo):
            if any(one.wiki for one in wanted):
                files = await witness.wiki(repo)
                seen = replace(seen, wiki=next((one.blob for one in files if not one.path), ""))
            own = companion(repo)
            if any(one.snippets for one in wanted) and (held := await witness.repository(own)) is not None:
                seen = replace(
                    seen,
                    snippets=(await witness.refs(own)).get(MAIN, ""),
                    snippets_visibility=held.visibility or ("private" if held.private else "public"),
                )
            yield seen

    async def seen_closed(
        self, witness: Witness, repo: RepoRef, desired: Iterator[RepositoryDesired]
    ) -> AsyncIterator[RepositoryDesired]:
        async for seen in self.seen_of(witness, repo, desired):
            yield replace(seen, has_actions=await witness.actions_enabled(repo))

    def check(self, desired: RepositoryDesired, seen: RepositoryDesired) -> Iterator[Difference]:
        wanted = replace(
            desired,
            refs={},
            temporary_refs={},
            spare_refs={},
            lfs={},
            topics=tuple(sorted(desired.topics)),
        )
        # Where GitLab names no branch of its own as the default, GitHub's choice is as good as any.
        ignore = frozenset({"default_branch"} if desired.default_branch is None else ())
        if not desired.wiki:
            ignore |= {"wiki"}
        switches = ("has_pull_requests", "has_actions", "has_wiki", "homepage")
        ignore |= {name for name in switches if None in {getattr(wanted, name), getattr(seen, name)}}
        if not desired.snippets:
            ignore |= {"snippets", "snippets_visibility"}
        yield from compare(self.name, "repository", wanted, replace(seen, refs={}), ignore=ignore)
        for ref in sorted({*desired.refs, *seen.refs}):
            expected, found = desired.refs.get(ref, ""), seen.refs.get(ref, "")
            if expected != found:
                yield from compare(self.name, f"repository/{ref}", _Ref(sha=expected), _Ref(sha=found))

    async def check_closed(
        self,
        witness: Witness,
        repo: RepoRef,
        desired: Iterator[RepositoryDesired],
        facts: TargetFacts,
    ) -> AsyncIterator[Difference]:
        wanted = list(desired)
        async for seen in self.seen_of(witness, repo, iter(wanted)):
            for one in wanted:
                for difference in self.check(self.settle(one, facts, Phase.CLOSE), seen):
                    yield difference

    def identity(self, desired: RepositoryDesired) -> str:
        del desired
        return "repository"

    def as_made(self, desired: RepositoryDesired, receipts: Receipts) -> RepositoryDesired:
        switched = receipts(f"{self.name}/{'actions-on' if desired.has_actions else 'actions-off'}")
        if switched is None or switched.state is not StepState.DONE:
            desired = replace(desired, has_actions=None)  # an organisation may overrule it
        if receipts(f"{self.name}/private") is not None:
            desired = replace(desired, homepage=None)  # whoever made it beforehand may have set one
        pushed, tidied = receipts(PUSH_STEP), receipts(TIDY_STEP)
        if pushed is None or tidied is None or tidied.state is not StepState.DONE:
            return desired
        spared = {
            name: sha
            for name, (sha, step) in desired.spare_refs.items()
            if (receipt := receipts(step)) is not None
            and receipt.state is StepState.REFUSED
            and receipt.at < tidied.at
        }
        made = replace(desired, refs={**desired.refs, **spared})
        # A later run pushes the temporary ones again, when it has others to push.
        return made if tidied.at < pushed.at else replace(made, temporary_refs={})

    def settle(self, desired: RepositoryDesired, facts: TargetFacts, phase: Phase) -> RepositoryDesired:
        del facts
        if phase is Phase.FILL:
            return replace(
                desired,
                visibility=Visibility.PRIVATE.value,
                archived=False,
                has_issues=True,
                has_pull_requests=True,
                wiki="",
                has_wiki=None if desired.wiki else desired.has_wiki,
                snippets_visibility=Visibility.PRIVATE.value if desired.snippets else "",
                refs={**desired.refs, **(desired.temporary_refs if desired.refs else {})},
            )
        return desired

    def as_begun(
        self, settled: RepositoryDesired, desired: RepositoryDesired, receipts: Receipts
    ) -> RepositoryDesired:
        def is_done(step: str) -> bool:
            receipt = receipts(f"{self.name}/{step}")
            return receipt is not None and receipt.state is StepState.DONE

        if is_done("open"):
            settled = replace(
                settled,
                visibility=desired.visibility,
                has_issues=desired.has_issues,
                has_pull_requests=desired.has_pull_requests,
            )
        if is_done("snippets-open"):
            settled = replace(settled, snippets_visibility=desired.snippets_visibility)
        if is_done("archive"):
            settled = replace(settled, archived=desired.archived)
        return replace(settled, wiki=desired.wiki) if is_done("wiki") else settled

    def verify_reads(self, items: int, parts: int, removed: int) -> int:
        del parts, removed
        return 2 * items


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ref:
    sha: str


def _is_pushed(ref: str) -> bool:
    """Whether somebody pushed it: neither GitHub made it, nor a run to claim the repository."""
    return ref.startswith("refs/") and not ref.startswith(PULLS_PREFIX) and ref != CLAIM_REF
