// The page: which batch is looked at, what may be done with it, and the events that keep it true.

import { Refused, ask, follow, hasToken, json, signIn, signOut } from "/page/api.js";
import { readBatch, readProject } from "/page/reading.js";
import { Table, badge, duration, element, words } from "/page/table.js";

const at = (id) => document.getElementById(id);
const LOG = 400;
const ACTIVE = ["queued", "running"];
const state = { who: null, batches: [], batch: null, following: null, endsAt: null, dirty: true, log: [] };
const table = new Table(at("body"), (row) => read(row.index));
const api = (path, options) => json(`/api/v1/${path}`, options);

// ── theme ──────────────────────────────────────────────────────────────────────────────────────

const THEMES = ["system", "light", "dark"];
function setTheme(name) {
  document.documentElement.dataset.theme = name === "system" ? "" : name;
  if (name === "system") delete document.documentElement.dataset.theme;
  at("theme").textContent = `Theme: ${name}`;
  localStorage.setItem("gl2gh-theme", name);
}
setTheme(THEMES.includes(localStorage.getItem("gl2gh-theme")) ? localStorage.getItem("gl2gh-theme") : "system");
at("theme").addEventListener("click", () => {
  const now = THEMES.indexOf(localStorage.getItem("gl2gh-theme"));
  setTheme(THEMES[(now + 1) % THEMES.length]);
});

// ── signing in ─────────────────────────────────────────────────────────────────────────────────

function showEntry(message = "") {
  stopFollowing();
  at("entry").hidden = false;
  at("desk").hidden = at("leave").hidden = true;
  at("who").textContent = "";
  at("entry-error").textContent = message;
  at("token").value = "";
  at("token").focus();
}

async function enter() {
  if (!hasToken()) return showEntry();
  try {
    state.who = await api("whoami");
  } catch (error) {
    if (error instanceof Refused && error.status === 401) signOut();
    return showEntry(error.message);
  }
  at("entry").hidden = true;
  at("desk").hidden = at("leave").hidden = false;
  at("who").textContent = `${state.who.name}, ${state.who.role}`;
  for (const one of document.querySelectorAll(".operator")) one.hidden = state.who.role !== "operator";
  await refresh();
  await refreshBudgets();
  const wanted = location.hash.slice(1);
  const first = state.batches.find((one) => one.batch_id === wanted) ?? state.batches[0];
  if (first) await choose(first.batch_id);
}

at("entry-form").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(at("token").value);
  enter();
});
at("leave").addEventListener("click", () => { signOut(); showEntry(); });

// ── the list of batches, the budgets ───────────────────────────────────────────────────────────

async function refresh() {
  state.batches = (await api("batches?limit=50")).batches;
  const known = new Map([...at("batches").children].map((one) => [one.dataset.id, one]));
  const items = state.batches.map((one) => {
    const ended = one.successful + one.failed + one.incomplete;
    const said = `${one.status} ${ended} ${one.in_progress}`;
    let item = known.get(one.batch_id);
    if (!item) {
      const button = element("button", { type: "button" });
      button.addEventListener("click", () => choose(one.batch_id));
      item = element("li", { "data-id": one.batch_id }, button);
    }
    const button = item.firstChild;
    if (item.dataset.said !== said) {
      item.dataset.said = said;
      button.replaceChildren(
        element("span", { class: "line" }, element("strong", { text: `${one.project} · ${one.mode}` }), badge(one.status)),
        element("span", { class: "quiet", text: `${ended} of ${one.total_projects} · ${one.created_at.slice(0, 16).replace("T", " ")} · ${one.created_by}` }),
      );
    }
    button.setAttribute("aria-current", String(one.batch_id === state.batch?.batch_id));
    return item;
  });
  if (items.length !== at("batches").children.length || items.some((one, place) => at("batches").children[place] !== one)) {
    at("batches").replaceChildren(...items);
  }
  at("batches-empty").hidden = items.length > 0;
}

async function refreshBudgets() {
  const { credentials } = await api("budgets");
  if (!credentials.length) return;
  at("budgets").replaceChildren(...credentials.map((one) => {
    const closed = one.closed_s > 0 ? `, closed for ${duration(one.closed_s)}` : "";
    const part = element("div", { class: "credential" },
      element("h3", { title: one.url }, element("span", { text: one.credential }),
        element("span", { class: "quiet", text: `${one.waiting} waiting${closed}` })));
    for (const budget of one.budgets) {
      const name = budget.limit_class.replaceAll("_", " ");
      const label = `${one.credential}, ${name}: ${budget.used} of ${budget.limit} used`;
      const gauge = element("progress", { max: budget.limit, value: budget.used, "aria-label": label });
      if (budget.used >= budget.limit) gauge.classList.add("full");
      part.append(element("div", { class: "gauge" },
        element("span", { text: name }), element("span", { text: `${budget.used} / ${budget.limit}` }), gauge,
        ...(budget.used && budget.resets_s ? [element("span", { class: "reset", text: `free again in ${duration(budget.resets_s)}` })] : [])));
    }
    return part;
  }));
}

// ── one batch ──────────────────────────────────────────────────────────────────────────────────

function stopFollowing() {
  state.following?.abort();
  state.following = null;
}

async function choose(batchId) {
  stopFollowing();
  const following = state.following = new AbortController();
  const [batch, progress] = await Promise.all([api(`batches/${batchId}`), api(`batches/${batchId}/progress`)]);
  if (following.signal.aborted) return;
  state.batch = batch;
  location.replace(`#${batchId}`);
  at("batch").hidden = false;
  at("none").hidden = true;
  at("notice").hidden = true;
  table.show(progress);
  state.endsAt = typeof progress.eta_s === "number" ? performance.now() + progress.eta_s * 1000 : null;
  state.log = progress.notices.map((one) => ({ level: one.level, text: `${one.project} ${one.message}` }));
  at("log").replaceChildren();
  sieve();
  describe();
  await refresh();
  if (ACTIVE.includes(progress.status)) listen(batchId, progress.last_event_id, following.signal);
}

function listen(batchId, last, signal) {
  follow(batchId, last, signal, (event) => hear(event), (connected) => {
    if (connected && at("notice").dataset.lost) at("notice").hidden = true;
    if (!connected) complain("The connection is lost; trying again.", true);
  }).then(async () => {
    if (!signal.aborted) { await reload(); }
  }).catch((error) => complain(error.message));
}

async function reload() {
  if (!state.batch) return;
  state.batch = await api(`batches/${state.batch.batch_id}`);
  describe();
  await refresh();
}

function hear(event) {
  table.hear(event);
  if (event.type === "estimated" && !event.project) state.endsAt = performance.now() + event.seconds * 1000;
  const line = logLine(event);
  if (line) state.log.push(line);
  state.dirty = true;
  if (event.type === "batch-started" && state.batch?.status === "queued") reload();
  if (event.type === "batch-finished") reload().then(() => { at("said").textContent = `The batch has ended: ${words(event.status)}.`; });
}

function logLine(event) {
  const when = event.at.slice(11, 19);
  const on = event.project ? `${event.project} ` : "";
  switch (event.type) {
    case "batch-started": return { text: `${when} batch started: ${event.total_projects} projects, ${event.mode}` };
    case "batch-finished": return { text: `${when} batch ended: ${words(event.status)}` };
    case "project-started": return { text: `${when} ${on}started` };
    case "project-finished":
      return { level: event.status === "failed" ? "error" : "", text: `${when} ${on}${words(event.status)}${event.error ? `: ${event.error}` : ""}` };
    case "agent-finished":
      return { level: event.status === "failed" ? "error" : "", text: `${when} ${on}${event.agent}: ${event.status.replaceAll("-", " ")}${event.summary ? `, ${event.summary}` : ""}` };
    case "waiting": return { text: `${when} ${on}waits for ${event.limit_class.replaceAll("_", " ")}, ${duration(event.seconds)}` };
    case "window-closed": return { level: "warning", text: `${when} ${event.credential} refused (${event.reason}): nothing is sent for ${duration(event.seconds)}` };
    case "noticed": return { level: event.level, text: `${when} ${on}${event.message}${event.hint ? `. ${event.hint}` : ""}` };
    default: return null;
  }
}

function describe() {
  const { batch } = state;
  at("batch-title").textContent = `${batch.project} · ${batch.mode}`;
  const facts = [`batch ${batch.batch_id}`, `${batch.parallel_limit} at once`, `started by ${batch.created_by}`];
  if (batch.plan_of) facts.push(`carries out the plan of ${batch.plan_of.slice(0, 8)}`);
  if (batch.applied_by) facts.push(`approved, carried out by ${batch.applied_by.slice(0, 8)}`);
  if (batch.stopped_by) facts.push(`stopped by ${batch.stopped_by}`);
  at("batch-facts").textContent = facts.join(" · ");
  const operator = state.who.role === "operator";
  const active = ACTIVE.includes(batch.status);
  at("cancel").hidden = !operator || !active;
  at("resume").hidden = !operator || active || batch.status === "success";
  at("approve").hidden = !operator || active || batch.mode !== "PLAN_ONLY" || !batch.plan_digest || Boolean(batch.applied_by);
  if (batch.error) complain(`${batch.error.message} ${batch.error.hint}`);
  // At once: beside the new title the status of the batch before would be a wrong one.
  tally();
  state.dirty = true;
}

function complain(text, lost = false) {
  at("notice").textContent = text;
  at("notice").hidden = false;
  at("notice").dataset.lost = lost ? "yes" : "";
}

function eta() {
  const left = state.endsAt === null ? 0 : (state.endsAt - performance.now()) / 1000;
  return ACTIVE.includes(state.batch.status) && left > 0 ? duration(left) : "";
}

function tally() {
  const share = table.share();
  at("share").value = share;
  const left = eta();
  at("share-text").textContent = `${Math.floor(share * 100)} %${left ? `, about ${left} left` : ""}`;
  const counts = table.counts();
  const shown = { "in progress": counts.in_progress, done: counts.success, failed: counts.failed, stopped: counts.incomplete, "not started": counts.not_started };
  at("counts").replaceChildren(
    element("div", {}, element("dt", { text: "status" }), element("dd", {}, badge(state.batch.status))),
    ...Object.entries(shown).map(([name, count]) => element("div", {}, element("dt", { text: name }), element("dd", { text: String(count) }))),
  );
  at("shown").textContent = `${table.visible()} of ${table.rows.length}`;
}

function draw() {
  if (state.batch && !at("batch").hidden && !document.hidden) {
    const moved = table.draw();
    if (state.dirty || moved) {
      state.dirty = false;
      tally();
      drawLog();
    }
  }
  setTimeout(() => requestAnimationFrame(draw), 100);
}

function drawLog() {
  if (!state.log.length) return;
  const log = at("log");
  const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(...state.log.slice(-LOG).map((one) => element("p", { text: one.text, "data-level": one.level || undefined })));
  state.log = [];
  while (log.children.length > LOG) log.firstChild.remove();
  if (follows) log.scrollTop = log.scrollHeight;
}

function sieve() {
  at("shown").textContent = `${table.sieve(at("filter").value, at("search").value)} of ${table.rows.length}`;
}
at("filter").addEventListener("change", sieve);
at("search").addEventListener("input", sieve);

// ── what an operator does ──────────────────────────────────────────────────────────────────────

function sure(title, text, yes) {
  at("sure-title").textContent = title;
  at("sure-text").textContent = text;
  at("sure-yes").textContent = yes;
  at("sure").returnValue = "";
  at("sure").showModal();
  return new Promise((answer) => {
    at("sure").addEventListener("close", () => answer(at("sure").returnValue === "yes"), { once: true });
  });
}

async function act(path, body) {
  try {
    const found = await api(path, { method: "POST", body });
    await refresh();
    await choose(found.batch_id);
  } catch (error) {
    complain(error.message);
  }
}

at("cancel").addEventListener("click", async () => {
  const { batch_id: batchId } = state.batch;
  if (await sure("Cancel this batch?", "What is under way ends in seconds, and the batch can be resumed.", "Cancel the batch")) {
    try { await ask(`/api/v1/batches/${batchId}/cancel`, { method: "POST" }); await reload(); } catch (error) { complain(error.message); }
  }
});
at("resume").addEventListener("click", () => act(`batches/${state.batch.batch_id}/resume`, { resume_from: null }));
at("approve").addEventListener("click", async () => {
  const { batch_id: batchId, plan_digest: digest, total_projects: total } = state.batch;
  const text = `The plan ${digest.slice(0, 12)}… of ${total} projects is carried out: repositories are made and filled on GitHub.`;
  if (await sure("Approve this plan?", text, "Approve and apply")) await act(`batches/${batchId}/approve`, { plan_digest: digest });
});

at("new").addEventListener("click", async () => {
  const { projects } = await api("projects");
  at("start-project").replaceChildren(...projects.map((one) => element("option", { value: one.project_id, text: `${one.project_id}: ${one.gitlab_url} → ${one.github_url}/${one.target_owner}` })));
  at("start-error").textContent = "";
  at("start").dataset.key = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
  at("start").showModal();
});
at("start-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const names = at("start-ids").value.split(/[\s,]+/).filter(Boolean);
  const body = {
    project_ids: names.map((one) => (/^\d+$/.test(one) ? Number(one) : one)),
    mode: at("start-mode").value,
    parallel_limit: Number(at("start-limit").value),
    resume_from: null,
  };
  try {
    const found = await api(`projects/${at("start-project").value}/batch-migrate`, { method: "POST", body, key: at("start").dataset.key });
    at("start").close();
    await refresh();
    await choose(found.batch_id);
  } catch (error) {
    at("start-error").textContent = error.message;
    at("start").dataset.key = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
  }
});
for (const one of document.querySelectorAll("[data-close]")) {
  one.addEventListener("click", () => one.closest("dialog").close());
}

async function read(index = null) {
  const { batch_id: batchId } = state.batch;
  at("reading-title").textContent = index === null ? "Plan and losses" : "One project";
  at("reading-body").replaceChildren(element("p", { class: "quiet", text: "Reading…" }));
  if (!at("reading").open) at("reading").showModal();
  try {
    const parts = index === null ? await readBatch(batchId, read) : await readProject(batchId, index);
    at("reading-body").replaceChildren(...parts);
  } catch (error) {
    at("reading-body").replaceChildren(element("p", { class: "bad", text: error.message }));
  }
}
at("read").addEventListener("click", () => read());

// ── and on ─────────────────────────────────────────────────────────────────────────────────────

async function poll() {
  if (state.who && hasToken() && !document.hidden) {
    try {
      await refreshBudgets();
      await refresh();
    } catch (error) {
      if (error instanceof Refused && error.status === 401) { signOut(); showEntry(error.message); }
    }
  }
  setTimeout(poll, 2000);
}

enter();
draw();
poll();
