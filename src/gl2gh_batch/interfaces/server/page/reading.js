// Reading a plan and its losses before somebody approves it.

import { firstLines, json } from "/page/api.js";
import { badge, element } from "/page/table.js";

const MOST = 300;
const number = new Intl.NumberFormat();

function table(heads, rows) {
  return element(
    "table", {},
    element("thead", {}, element("tr", {}, ...heads.map((text, place) => element("th", {
      scope: "col", text, class: typeof rows[0]?.[place] === "number" ? "number" : undefined,
    })))),
    element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((cell) =>
      cell instanceof Node ? element("td", {}, cell) :
        element("td", { text: String(cell), class: typeof cell === "number" ? "number" : undefined }))))),
  );
}

function priced(price) {
  if (!price) return [];
  const hours = price.hours < 0.1 ? `${Math.max(1, Math.round(price.hours * 60))} min` : `${price.hours.toFixed(1)} h`;
  return [element("p", {
    text: `${number.format(price.requests)} requests to GitHub, about ${hours} within its limits: ` +
      `${number.format(price.writes)} writes, ${number.format(price.imports)} imports, ${number.format(price.reads)} reads.`,
  })];
}

export async function readBatch(batchId, open) {
  const batch = await json(`/api/v1/batches/${batchId}`);
  const parts = [];
  if (batch.plan_digest) {
    parts.push(element("p", { text: "Digest of the plan: " }, element("span", { class: "digest", text: batch.plan_digest })));
  }
  parts.push(...priced(batch.price));
  if (batch.error) parts.push(element("p", { class: "bad", text: `${batch.error.message} ${batch.error.hint}` }));
  const rows = batch.results.map((one) => {
    const button = element("button", { type: "button", text: one.source || String(one.project_id) });
    button.addEventListener("click", () => open(one.index));
    return [
      button, one.target ?? "", one.plan?.steps ?? 0, one.plan?.price.requests ?? 0, one.losses ?? 0,
      (one.findings ?? []).length, badge(one.status),
    ];
  });
  parts.push(rows.length
    ? table(["Project", "Target", "Steps", "Requests", "Losses", "Findings", "Status"], rows)
    : element("p", { class: "quiet", text: "No project has ended yet." }));
  return parts;
}

export async function readProject(batchId, index) {
  const batch = await json(`/api/v1/batches/${batchId}`);
  const one = batch.results.find((result) => result.index === index);
  if (!one) return [element("p", { class: "quiet", text: "This project has not ended; its plan comes at the end." })];
  const parts = [element("p", {}, badge(one.status), ` ${one.source ?? one.project_id} → ${one.target ?? "no target yet"}`)];
  if (one.error) {
    parts.push(element("p", { class: "bad", text: `${one.error.message} (${one.error.reason})` }));
    if (one.error.hint) parts.push(element("p", { text: one.error.hint }));
  }
  parts.push(...priced(one.plan?.price));
  if (one.plan) {
    parts.push(element("h3", { text: "What the plan holds" }), table(
      ["Kind", "Items", "Steps", "Already there", "Losses"],
      Object.entries(one.plan.kinds).map(([kind, it]) => [kind, it.items, it.steps, it.no_ops, it.losses]),
    ));
  }
  if (one.findings?.length) {
    parts.push(element("h3", { text: "Findings" }), table(
      ["Severity", "What", "What to do"], one.findings.map((it) => [it.severity, it.message, it.hint]),
    ));
  }
  const files = (await json(`/api/v1/batches/${batchId}/artifacts`)).artifacts.filter((it) => it.index === index);
  const base = `/api/v1/batches/${batchId}/artifacts/`;
  const losses = files.find((it) => it.path.endsWith("/losses.ndjson"));
  if (losses) {
    const { lines, more } = await firstLines(base + losses.path, MOST);
    parts.push(element("h3", { text: `Losses${more ? `, the first ${MOST}` : ` (${lines.length})`}` }));
    parts.push(lines.length
      ? table(["Kind", "Item", "What", "Why"], lines.map((it) => [it.kind ?? "", it.item ?? "", it.what ?? "", it.reason ?? ""]))
      : element("p", { text: "None: everything is carried over." }));
  }
  const steps = files.find((it) => it.path.endsWith("/plan.ndjson"));
  if (steps) {
    const { lines, more } = await firstLines(base + steps.path, MOST);
    parts.push(element("h3", { text: `Steps${more ? `, the first ${MOST}` : ` (${lines.length})`}` }));
    parts.push(table(["Step", "Request"], lines.map((it) => [
      it.id ?? "", it.method ? `${it.method} ${it.path}` : it.reason ? `nothing: ${it.reason}` : it.step ?? "",
    ])));
  }
  if (one.verification) {
    parts.push(element("h3", { text: "Verified" }), table(
      ["Kind", "Expected", "Seen", "Differences"],
      Object.entries(one.verification.kinds).map(([kind, it]) => [kind, it.expected, it.seen, it.differences]),
    ));
  }
  return parts;
}
