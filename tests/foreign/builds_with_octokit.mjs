// Build a repository on a GitHub with @octokit/rest, as its manual shows; print the JSON of what was read
// back. From the environment: URL (of the API), TOKEN, OWNER, BUILD (the JSON of what to make).
import { Octokit } from "@octokit/rest";

const { URL: baseUrl, TOKEN: token, OWNER: owner } = process.env;
const wanted = JSON.parse(process.env.BUILD);
const silent = { debug() {}, info() {}, warn: console.error, error() {} };
const octokit = new Octokit({ auth: token, baseUrl, log: silent });
const repo = wanted.repository.name;
const here = { owner, repo };
const imports = { accept: "application/vnd.github.golden-comet-preview+json" };

const statusOf = async (promise) => {
  try {
    await promise;
    return null;
  } catch (error) {
    return error.status;
  }
};
const table = (rows, key, value) => Object.fromEntries(rows.map((row) => [key(row), value(row)]));

async function build() {
  await octokit.rest.repos.createInOrg({ org: owner, ...wanted.repository });
  await octokit.rest.repos.replaceAllTopics({ ...here, names: wanted.topics });
  for (const label of wanted.labels) await octokit.rest.issues.createLabel({ ...here, ...label });
  const milestones = {};
  for (const milestone of wanted.milestones) {
    const { data } = await octokit.rest.issues.createMilestone({ ...here, ...milestone });
    milestones[milestone.title] = data.number;
  }
  for (const { comments, closed, milestone, ...wish } of wanted.issues) {
    const made = { ...here, ...wish, ...(milestone && { milestone: milestones[milestone] }) };
    const issue_number = (await octokit.rest.issues.create(made)).data.number;
    for (const body of comments) await octokit.rest.issues.createComment({ ...here, issue_number, body });
    if (closed) await octokit.rest.issues.update({ ...here, issue_number, state: "closed", state_reason: closed });
  }
  const milestone_number = milestones[wanted.milestones[0].title];
  await octokit.rest.issues.updateMilestone({ ...here, milestone_number, state: "closed" });
  let { data: job } = await octokit.request("POST /repos/{owner}/{repo}/import/issues", {
    ...here,
    ...wanted.imported,
    headers: imports,
  });
  while (["pending", "importing"].includes(job.status)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    job = (await octokit.request(`GET ${job.url}`, { headers: imports })).data;
  }
}

async function readBack() {
  const { paginate, rest } = octokit;
  const { data: repository } = await rest.repos.get(here);
  const { data: topics } = await rest.repos.getAllTopics(here);
  const all = { ...here, state: "all", per_page: 7 };
  const comments = {};
  const sorted = { sort: "created", direction: "asc" };
  for await (const page of paginate.iterator(rest.issues.listCommentsForRepo, { ...all, ...sorted })) {
    for (const comment of page.data) (comments[comment.issue_url.split("/").at(-1)] ??= []).push(comment.body);
  }
  return {
    full_name: repository.full_name,
    private: repository.private,
    description: repository.description,
    topics: topics.names,
    labels: table(await paginate(rest.issues.listLabelsForRepo, all), (row) => row.name, (row) => [row.color, row.description]),
    milestones: table(
      await paginate(rest.issues.listMilestones, all),
      (row) => row.title,
      (row) => [row.number, row.state, row.open_issues, row.closed_issues],
    ),
    issues: table(
      await paginate(rest.issues.listForRepo, { ...all, ...sorted }),
      (row) => row.number,
      (row) => ({
        title: row.title,
        body: row.body,
        state: row.state,
        state_reason: row.state_reason,
        author: row.user.login,
        labels: row.labels.map((label) => label.name).toSorted(),
        milestone: row.milestone?.title ?? null,
        assignees: row.assignees.map((person) => person.login).toSorted(),
        comments: comments[row.number] ?? [],
      }),
    ),
  };
}

await build();
const twice = { ...here, name: wanted.labels[0].name.toUpperCase(), color: "000000" };
console.log(
  JSON.stringify({
    login: (await octokit.rest.users.getAuthenticated()).data.login,
    limit: (await octokit.rest.rateLimit.get()).data.resources.core.limit,
    built: await readBack(),
    refused: {
      absent: await statusOf(octokit.rest.repos.get({ owner, repo: "none" })),
      "wrong token": await statusOf(
        new Octokit({ auth: "wrong", baseUrl, log: silent }).rest.users.getAuthenticated(),
      ),
      "label twice": await statusOf(octokit.rest.issues.createLabel(twice)),
      "long body": await statusOf(octokit.rest.issues.create({ ...here, title: "t", body: "x".repeat(65_537) })),
    },
  }),
);
