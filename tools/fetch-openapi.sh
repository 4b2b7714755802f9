#!/bin/sh
# Fetches GitHub's own OpenAPI description (npm @octokit/openapi, pinned by version and by the file's hash) for the
# tests: one file of many. Does nothing when it is there already.
set -eu

version=23.0.2
sha256=829b4bebb19a53133289f7b0bc819f4f1118115821db2ca9f25e9ee995a7da2a
member=package/generated/api.github.com.json
folder=$(cd "$(dirname "$0")/.." && pwd)/.tools/openapi
file=$folder/api.github.com.json

fail() {
    echo "fetch-openapi: $1" >&2
    exit 1
}

# macOS has no sha256sum.
hash_of() {
    if command -v sha256sum >/dev/null; then
        sha256sum <"$1"
    else
        shasum -a 256 <"$1"
    fi | cut -d ' ' -f 1
}

if [ -s "$file" ] && [ "$(hash_of "$file")" = "$sha256" ]; then
    exit 0
fi
command -v npm >/dev/null || fail "npm is needed to fetch @octokit/openapi; install node, or put it on the PATH"

mkdir -p "$folder"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
(cd "$scratch" && npm pack --silent "@octokit/openapi@$version" >/dev/null) ||
    fail "npm cannot fetch @octokit/openapi $version: is the npm registry within reach?"
tar -xzf "$scratch/octokit-openapi-$version.tgz" -C "$scratch" "$member"
[ "$(hash_of "$scratch/$member")" = "$sha256" ] || fail "@octokit/openapi $version holds another file than the pinned one"
mv "$scratch/$member" "$file"
