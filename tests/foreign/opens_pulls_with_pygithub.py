"""Open, review and close pull requests with PyGithub; print the JSON of what was seen.

From the environment: URL (of the API), TOKEN, REPOSITORY (its full name), HEAD (the commit of `topic`).
"""

from __future__ import annotations

import json
import os

import github
from github import Auth, Github


def main() -> None:
    """Open `topic` into `main`, review it, and read everything back."""
    hub = Github(
        base_url=os.environ["URL"],
        auth=Auth.Token(os.environ["TOKEN"]),
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
        per_page=2,
    )
    repository = hub.get_repo(os.environ["REPOSITORY"])
    pull = repository.create_pull(base="main", head="topic", title="A pull", body="Text", draft=True)
    pull.mark_ready_for_review()
    pull.add_to_labels("bug")
    pull.create_review_request(reviewers=["octocat"])
    places = [{"path": "long.txt", "line": line, "side": "RIGHT"} for line in (1, 2, 39)]
    review = pull.create_review(
        commit=repository.get_commit(os.environ["HEAD"]),
        body="Read",
        event="COMMENT",
        comments=[{**place, "body": f"on {place['line']}"} for place in places],
    )
    first = pull.get_review_comments()[0]
    reply = pull.create_review_comment_reply(first.id, "Answer")
    pull.create_issue_comment("Conversation")
    try:
        repository.create_pull(base="main", head="topic", title="Again", body="")
        refused = 201
    except github.GithubException as error:
        refused = error.status
    pull.edit(state="closed")
    read = repository.get_pull(pull.number)
    seen = {
        "number": read.number,
        "state": read.state,
        "merged": read.merged,
        "draft": read.draft,
        "labels": [label.name for label in read.labels],
        "reviewers": [each.login for each in read.get_review_requests()[0]],
        "commits": [each.sha for each in read.get_commits()],
        "files": sorted([each.filename, each.status, each.changes] for each in read.get_files()),
        "reviews": [each.state for each in read.get_reviews()],
        "of_review": [each.body for each in read.get_single_review_comments(review.id)],
        "comments": [[each.body, each.path, each.position] for each in read.get_review_comments()],
        "reply_to_first": reply.in_reply_to_id == first.id,
        "conversation": [each.body for each in read.get_issue_comments()],
        "listed": [each.number for each in repository.get_pulls(state="all")],
        "refused": refused,
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
