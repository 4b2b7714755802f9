#!/usr/bin/env bash
# The last step of .github/workflows/release.yml: a commit with the released action.yml beside main, its tag, the
# release, and the tag of the major version, which moves. Everything goes through the API: nothing is pushed.
#
# From the environment: GITHUB_REPOSITORY, GITHUB_SHA, VERSION, GH_TOKEN (for gh). From the folder: action.yml, notes.md.
set -euo pipefail

api="repos/$GITHUB_REPOSITORY"
tag="v$VERSION"
major="${tag%%.*}"

base=$(gh api "$api/git/commits/$GITHUB_SHA" --jq .tree.sha)
tree=$(jq --null-input --arg base "$base" --rawfile content action.yml \
    '{base_tree: $base, tree: [{path: "action.yml", mode: "100644", type: "blob", content: $content}]}' |
    gh api "$api/git/trees" --input - --jq .sha)
commit=$(jq --null-input --arg message "Release $tag" --arg tree "$tree" --arg parent "$GITHUB_SHA" \
    '{message: $message, tree: $tree, parents: [$parent]}' |
    gh api "$api/git/commits" --input - --jq .sha)

# A version that is out stays what it is: this fails when the tag is there.
gh api "$api/git/refs" --raw-field "ref=refs/tags/$tag" --raw-field "sha=$commit" --silent
gh release create "$tag" --repo "$GITHUB_REPOSITORY" --verify-tag --title "$tag" --notes-file notes.md

if gh api "$api/git/ref/tags/$major" --silent 2>/dev/null; then
    gh api --method PATCH "$api/git/refs/tags/$major" --raw-field "sha=$commit" --field force=true --silent
else
    gh api "$api/git/refs" --raw-field "ref=refs/tags/$major" --raw-field "sha=$commit" --silent
fi
echo "$tag is $commit, and so is $major"
