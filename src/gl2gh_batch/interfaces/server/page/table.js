// The table of projects and the picture that events make of them; only rows that changed are drawn.

export const AGENTS = ["discovery", "export", "transform", "plan", "apply", "verify"];
const SHORT = { discovery: "Di", export: "Ex", transform: "Tr", plan: "Pl", apply: "Ap", verify: "Ve" };
const WORDS = {
  in_progress: "in progress", not_started: "not started", success: "done", failed: "failed", incomplete: "stopped",
  queued: "queued", running: "running", partial_success: "partly done",
};
const ENDED = ["success", "failed", "incomplete"];

export const words = (state) => WORDS[state] ?? state;

// Foreign text is only ever text: everything on this page is made by this function.
export function element(tag, { text, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(name, value);
  }
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

export const badge = (state) => element("span", { class: "badge", "data-state": state, text: words(state) });

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export class Table {
  constructor(body, open) {
    this.body = body;
    this.open = open;
    this.rows = [];
    this.byName = new Map();
    this.agents = [];
    this.changed = new Set();
    this.filter = { status: "", text: "" };
  }

  show(progress) {
    this.agents = progress.agents;
    this.byName.clear();
    const now = performance.now();
    this.rows = progress.projects.map((one) => {
      const row = { ...one, agents: { ...one.agents }, waitsUntil: now + one.waits_s * 1000, parts: null };
      if (row.project) this.byName.set(row.project, row);
      return row;
    });
    const fragment = document.createDocumentFragment();
    for (const row of this.rows) {
      row.parts = this.#make(row);
      fragment.append(row.parts.line);
      this.#draw(row, now);
    }
    this.body.replaceChildren(fragment);
    this.changed.clear();
  }

  hear(event) {
    if (event.type === "estimated" || event.type === "planned") return;
    if (event.type === "project-started") {
      const row = this.rows[event.index];
      if (!row) return;
      Object.assign(row, { project: event.project, status: "in_progress", error: "", kind: "", done: 0, total: null });
      for (const name of AGENTS) row.agents[name] = "not-started";
      this.byName.set(event.project, row);
    }
    const row = this.byName.get(event.project);
    if (!row) return;
    row.waits_for = "";
    switch (event.type) {
      case "agent-started":
        row.agents[event.agent] = "running";
        Object.assign(row, { kind: "", done: 0, total: null });
        break;
      case "agent-finished":
        row.agents[event.agent] = event.status;
        Object.assign(row, { kind: "", done: 0, total: null });
        break;
      case "counted":
        Object.assign(row, { kind: event.kind, done: event.done, total: event.total });
        break;
      case "waiting":
        row.waits_for = event.limit_class;
        row.waitsUntil = performance.now() + event.seconds * 1000;
        break;
      case "project-finished":
        Object.assign(row, { status: event.status, error: event.error, kind: "" });
        break;
    }
    this.changed.add(row);
  }

  draw() {
    const now = performance.now();
    for (const row of this.rows) if (row.waits_for) this.changed.add(row);
    for (const row of this.changed) this.#draw(row, now);
    const any = this.changed.size > 0;
    this.changed.clear();
    return any;
  }

  counts() {
    const found = { success: 0, failed: 0, incomplete: 0, in_progress: 0, not_started: 0 };
    for (const row of this.rows) found[row.status] += 1;
    return found;
  }

  share() {
    if (!this.rows.length) return 1;
    let done = 0;
    for (const row of this.rows) {
      if (ENDED.includes(row.status)) done += 1;
      else if (row.status === "in_progress" && this.agents.length) {
        const ended = this.agents.filter((name) => ["done", "passed-over"].includes(row.agents[name])).length;
        const inner = row.total ? Math.min(row.done / row.total, 1) : 0;
        done += Math.min(1, (ended + inner) / this.agents.length);
      }
    }
    return done / this.rows.length;
  }

  sieve(status, text) {
    this.filter = { status, text: text.trim().toLowerCase() };
    for (const row of this.rows) this.#hide(row);
    return this.visible();
  }

  visible() {
    return this.rows.filter((row) => !row.parts.line.hidden).length;
  }

  #hide(row) {
    const { status, text } = this.filter;
    const fits = (!status || row.status === status) &&
      (!text || row.project.toLowerCase().includes(text) || String(row.project_id).includes(text));
    if (row.parts.line.hidden === fits) row.parts.line.hidden = !fits;
  }

  #make(row) {
    const name = element("button", { type: "button" });
    name.addEventListener("click", () => this.open(row));
    const agents = element("div", { class: "agents", role: "list" });
    const marks = {};
    for (const agent of AGENTS) {
      marks[agent] = element("span", { class: "agent", role: "listitem", text: SHORT[agent] });
      if (!this.agents.includes(agent)) marks[agent].setAttribute("data-absent", "");
      agents.append(marks[agent]);
    }
    const now = element("td", { class: "now" });
    const status = element("td");
    const line = element(
      "tr", {},
      element("td", { class: "name" }, name, element("div", { class: "id", text: `id ${row.project_id}` })),
      element("td", {}, agents), now, status,
    );
    return { line, name, marks, now, status };
  }

  #draw(row, now) {
    const { parts } = row;
    const known = row.project && row.project !== String(row.project_id);
    const label = known ? row.project : `project ${row.project_id}`;
    if (parts.name.textContent !== label) parts.name.textContent = label;
    for (const agent of AGENTS) {
      const state = row.agents[agent];
      const mark = parts.marks[agent];
      if (mark.dataset.state === state) continue;
      mark.dataset.state = state;
      const said = this.agents.includes(agent) ? state.replaceAll("-", " ") : "not in this mode";
      mark.setAttribute("aria-label", `${agent}: ${said}`);
      mark.title = `${agent}: ${said}`;
    }
    let text = "";
    const left = (row.waitsUntil - now) / 1000;
    if (row.status === "in_progress") {
      if (row.waits_for && left > 0) text = `waits for ${row.waits_for.replaceAll("_", " ")}, ${duration(left)}`;
      else if (row.kind) text = `${row.kind} ${row.done}${row.total === null ? "" : ` of ${row.total}`}`;
    } else if (row.error) text = row.error;
    if (left <= 0) row.waits_for = "";
    if (parts.now.textContent !== text) {
      parts.now.textContent = text.length > 160 ? `${text.slice(0, 159)}…` : text;
      parts.now.title = text;
    }
    if (parts.status.dataset.state !== row.status) {
      parts.status.dataset.state = row.status;
      parts.status.replaceChildren(badge(row.status));
    }
    this.#hide(row);
  }
}
