// Questions to the API, same origin only; the cookie set at sign-in goes along by itself.

/** An answer that is an error: the fields of its problem+json. `status` 0: no answer at all. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.title || String(status));
    this.status = status;
    this.title = body.title || "";
    this.detail = body.detail || "";
    this.errors = body.errors || [];
  }
}

/** Fires `signed-out` when an answer says that nobody is signed in; `who` holds the name and role of who is. */
export const session = new EventTarget();

async function ask(path, { method = "GET", body, signal, accept = "application/json" } = {}) {
  const headers = { Accept: accept };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {});
  }
  if (answer.ok) return answer;
  const problem = new Problem(answer.status, await answer.json().catch(() => ({})));
  if (answer.status === 401 && path !== "/v1/session") session.dispatchEvent(new Event("signed-out"));
  throw problem;
}

export async function get(path, query = {}, signal = undefined) {
  return (await ask(address(path, query), { signal })).json();
}

export async function send(method, path, body) {
  const answer = await ask(path, { method, body });
  return answer.status === 204 ? null : answer.json();
}

/** All items of a list, page after page, at most `most`. */
export async function all(path, query, signal, most = 5000) {
  const items = [];
  let after;
  do {
    const page = await get(path, { limit: 500, ...query, after }, signal);
    items.push(...page.items);
    after = page.next;
  } while (after && items.length < most);
  return items;
}

/** The answer as CSV, handed to the browser as a file. */
export async function download(path, query, name) {
  const blob = await (await ask(address(path, query), { accept: "text/csv" })).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // not at once: some browsers read it later
}

/** Path of a metering point: its code may hold any character. */
export function pointPath(uscc, code) {
  return `/v1/metering-points/${encodeURIComponent(uscc)}/${encodeURIComponent(code)}`;
}

function address(path, query) {
  const asked = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return asked.length ? `${path}?${new URLSearchParams(asked)}` : path;
}
