// Open, review and close pull requests with @octokit/rest; print the JSON of what was seen.
// From the environment: URL (of the API), TOKEN, REPOSITORY (its full name), HEAD (the commit of `topic`).

import { Octokit } from "@octokit/rest";

const { URL: baseUrl, TOKEN: token, REPOSITORY: repository, HEAD: head } = process.env;
const silent = { debug() {}, info() {}, warn: console.error, error() {} };
const octokit = new Octokit({ auth: token, baseUrl, log: silent });
const { pulls, issues } = octokit.rest;
const [owner, repo] = repository.split("/");
const here = { owner, repo };

const { data: made } = await pulls.create({
  ...here, base: "main", head: "topic", title: "A pull", body: "Text", draft: true,
});
await octokit.graphql(
  "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }",
  { id: made.node_id },
);
const pull = { ...here, pull_number: made.number };
const issue = { ...here, issue_number: made.number };
await issues.addLabels({ ...issue, labels: ["bug"] });
await pulls.requestReviewers({ ...pull, reviewers: ["octocat"] });
const { data: review } = await pulls.createReview({
  ...pull,
  commit_id: head,
  body: "Read",
  event: "COMMENT",
  comments: [1, 2, 39].map((line) => ({ path: "long.txt", line, side: "RIGHT", body: `on ${line}` })),
});
const all = { ...pull, per_page: 2 };
const [first] = await octokit.paginate(pulls.listReviewComments, all);
const { data: reply } = await pulls.createReplyForReviewComment({ ...pull, comment_id: first.id, body: "Answer" });
await issues.createComment({ ...issue, body: "Conversation" });
const refused = await pulls
  .create({ ...here, base: "main", head: "topic", title: "Again" })
  .then(() => 201, (error) => error.status);
await pulls.update({ ...pull, state: "closed" });
const { data: read } = await pulls.get(pull);
console.log(
  JSON.stringify({
    number: read.number,
    state: read.state,
    merged: read.merged,
    draft: read.draft,
    labels: read.labels.map((label) => label.name),
    reviewers: (await pulls.listRequestedReviewers(pull)).data.users.map((each) => each.login),
    commits: (await octokit.paginate(pulls.listCommits, all)).map((each) => each.sha),
    files: (await octokit.paginate(pulls.listFiles, all))
      .map((each) => [each.filename, each.status, each.changes])
      .toSorted(),
    reviews: (await octokit.paginate(pulls.listReviews, all)).map((each) => each.state),
    of_review: (await octokit.paginate(pulls.listCommentsForReview, { ...all, review_id: review.id })).map(
      (each) => each.body,
    ),
    comments: (await octokit.paginate(pulls.listReviewComments, all)).map((each) => [
      each.body, each.path, each.position,
    ]),
    reply_to_first: reply.in_reply_to_id === first.id,
    conversation: (await octokit.paginate(issues.listComments, issue)).map((each) => each.body),
    listed: (await octokit.paginate(pulls.list, { ...here, state: "all" })).map((each) => each.number),
    refused,
  }),
);
