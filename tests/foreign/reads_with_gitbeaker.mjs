// Read everything on a GitLab with @gitbeaker/rest, as its manual shows; print the JSON of what was seen.
// From the environment: URL, TOKEN, PER_PAGE.
import { Gitlab } from "@gitbeaker/rest";

const { URL: host, TOKEN: token } = process.env;
const perPage = Number(process.env.PER_PAGE);
const api = new Gitlab({ host, token });

const table = (rows, key, value) => Object.fromEntries(rows.map((row) => [key(row), value(row)]));
const statusOf = async (promise) => {
  try {
    await promise;
    return null;
  } catch (error) {
    return error.cause?.response?.status ?? String(error);
  }
};

async function readIssue(id, issue) {
  const notes = await api.IssueNotes.all(id, issue.iid, { orderBy: "created_at", sort: "asc", perPage });
  return {
    title: issue.title,
    description: issue.description,
    state: issue.state,
    author: issue.author.username,
    assignees: issue.assignees.map((one) => one.username),
    labels: issue.labels.toSorted(),
    milestone: issue.milestone?.title ?? null,
    notes: notes.map((note) => [note.author.username, note.body]),
    discussions: (await api.IssueDiscussions.all(id, issue.iid, { perPage })).length,
  };
}

async function readMergeRequest(id, mergeRequest) {
  const notes = await api.MergeRequestNotes.all(id, mergeRequest.iid, { sort: "asc", perPage });
  return {
    title: mergeRequest.title,
    state: mergeRequest.state,
    branches: [mergeRequest.source_branch, mergeRequest.target_branch],
    notes: notes.map((note) => note.body),
  };
}

async function readProject(path) {
  const project = await api.Projects.show(path);
  const { id } = project;
  const issues = {};
  for (const issue of await api.Issues.all({ projectId: id, orderBy: "created_at", sort: "asc", perPage })) {
    issues[issue.iid] = await readIssue(id, issue);
  }
  const mergeRequests = {};
  for (const mergeRequest of await api.MergeRequests.all({ projectId: id, state: "all", perPage })) {
    mergeRequests[mergeRequest.iid] = await readMergeRequest(id, mergeRequest);
  }
  const members = await api.ProjectMembers.all(id, { includeInherited: true, perPage });
  const milestones = await api.ProjectMilestones.all(id, { includeAncestors: true, perPage });
  return {
    id,
    default_branch: project.default_branch,
    visibility: project.visibility,
    topics: project.topics,
    members: table(members, (row) => row.username, (row) => row.access_level),
    labels: table(await api.ProjectLabels.all(id, { perPage }), (row) => row.name, (row) => row.color),
    milestones: table(milestones, (row) => row.title, (row) => row.state),
    issues,
    merge_requests: mergeRequests,
    branches: table(await api.Branches.all(id, { perPage }), (row) => row.name, (row) => row.commit.id),
    tags: table(await api.Tags.all(id, { perPage }), (row) => row.name, (row) => row.commit.id),
    commits: (await api.Commits.all(id, { perPage })).map((row) => row.id),
    releases: (await api.ProjectReleases.all(id, { perPage })).map((row) => row.tag_name).toSorted(),
  };
}

const groups = await api.Groups.all({ orderBy: "path", pagination: "offset", perPage });
const membersOfGroups = {};
for (const group of groups) {
  const members = await api.GroupMembers.all(group.id, { perPage });
  membersOfGroups[group.full_path] = table(members, (row) => row.username, (row) => row.access_level);
}
const projects = {};
for (const project of await api.Projects.all({ pagination: "keyset", orderBy: "id", sort: "asc", perPage })) {
  projects[project.path_with_namespace] = await readProject(project.path_with_namespace);
}
console.log(
  JSON.stringify({
    user: (await api.Users.showCurrentUser()).username,
    version: (await api.Metadata.show()).version,
    groups: groups.map((row) => row.full_path),
    members_of_groups: membersOfGroups,
    projects,
    refused: {
      absent: await statusOf(api.Projects.show("no/such-project")),
      "wrong token": await statusOf(new Gitlab({ host, token: "wrong" }).Users.showCurrentUser()),
    },
  }),
);
