// Asking the service: the token goes into a header and nowhere else.

const KEY = "gl2gh-token";
let token = sessionStorage.getItem(KEY) ?? "";

// A link may bring the token behind #, which no browser sends anywhere; it is taken out of the address at once.
const brought = new URLSearchParams(location.hash.slice(1)).get("token");
if (brought) {
  signIn(brought);
  history.replaceState(null, "", location.pathname);
}

export function signIn(value) {
  token = value.trim();
  sessionStorage.setItem(KEY, token);
}

export function signOut() {
  token = "";
  sessionStorage.removeItem(KEY);
}

export const hasToken = () => token !== "";

export class Refused extends Error {
  constructor(status, problem) {
    const first = problem.errors?.[0];
    super([problem.detail ?? `the service answered ${status}`, first?.hint].filter(Boolean).join(". "));
    this.status = status;
    this.problem = problem;
  }
}

export async function ask(path, { method = "GET", body, key, signal } = {}) {
  const headers = { Authorization: `Bearer ${token}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const answer = await fetch(path, {
    method,
    headers,
    signal,
    cache: "no-store",
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

export const json = async (path, options) => (await ask(path, options)).json();

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Events after `last`, for as long as the batch runs, over every break: `heard` gets each one once.
export async function follow(batchId, last, signal, heard, connected) {
  let wait = 500;
  while (!signal.aborted) {
    try {
      const answer = await fetch(`/api/v1/batches/${batchId}/events`, {
        headers: { Authorization: `Bearer ${token}`, "Last-Event-ID": String(last) },
        cache: "no-store",
        signal,
      });
      if (answer.status === 204) return;
      if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => ({})));
      connected(true);
      wait = 500;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const line = block.split("\n").find((one) => one.startsWith("data: "));
          if (!line) continue;
          const event = JSON.parse(line.slice(6));
          if (event.id <= last) continue;
          last = event.id;
          heard(event);
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && ![429, 503].includes(error.status)) throw error;
      connected(false);
    }
    await pause(wait);
    wait = Math.min(wait * 2, 8000);
  }
}

// The first lines of a file of lines; the rest is never fetched.
export async function firstLines(path, most) {
  const stop = new AbortController();
  const lines = [];
  try {
    const answer = await ask(path, { signal: stop.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    while (lines.length <= most) {
      const { done, value } = await reader.read();
      if (done) {
        if (rest) lines.push(rest);
        break;
      }
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      lines.push(...parts);
    }
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return { lines: [], more: false };
    throw error;
  }
  stop.abort();
  return { lines: lines.slice(0, most).filter(Boolean).map((line) => JSON.parse(line)), more: lines.length > most };
}
