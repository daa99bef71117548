// What the page asks: POST graphql, a few REST answers, and the stream of what changes.

const TOKEN = "otel-llmops-token";

/** A question that was not answered; `status` is HTTP's, 0 where nobody answered. */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (text) => sessionStorage.setItem(TOKEN, text),
};

const headers = (more = {}) => (token.get() ? { ...more, Authorization: `Bearer ${token.get()}` } : more);

async function sent(path, options) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: headers(options.headers) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The collector does not answer. Is it running?", 0);
  }
  if (answer.status === 401) throw new Refused("A token is needed.", 401);
  return answer;
}

/** The data of one GraphQL query. Raises: Refused. */
export async function ask(query, variables = {}, signal = undefined) {
  const answer = await sent("graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables }),
    signal,
  });
  const document = await answer.json().catch(() => null);
  if (document?.errors?.length) throw new Refused(document.errors[0].message, answer.status);
  if (!answer.ok || !document) throw new Refused(document?.error ?? `status ${answer.status}`, answer.status);
  return document.data;
}

/** The JSON of a REST answer. Raises: Refused. */
export async function get(path, signal = undefined) {
  const answer = await sent(path, { signal });
  const document = await answer.json().catch(() => null);
  if (!answer.ok && answer.status !== 503) throw new Refused(document?.error ?? `status ${answer.status}`, answer.status);
  return document;
}

/** The text of an answer. Raises: Refused. */
export async function text(path, signal = undefined) {
  const answer = await sent(path, { signal });
  if (!answer.ok) throw new Refused(`status ${answer.status}`, answer.status);
  return answer.text();
}

const AGAIN_MS = [500, 1000, 2000, 5000, 10000];

/**
 * Server-sent events by fetch, since an EventSource cannot bear a token. `changed(sessions)` for
 * each event, `state("live" | "away")` when the stream comes and goes; it comes back by itself.
 */
export async function listen({ changed, state }) {
  for (let failed = 0; ; failed = Math.min(failed + 1, AGAIN_MS.length - 1)) {
    try {
      const answer = await sent("api/live", {});
      if (!answer.ok) throw new Refused(`status ${answer.status}`, answer.status);
      state("live");
      if (failed) changed(null);
      failed = 0;
      await events(answer.body, (document) => changed(document.sessions));
    } catch (error) {
      if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    }
    state("away");
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS[failed]));
  }
}

async function events(body, told) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    waiting += value;
    const parts = waiting.split("\n\n");
    waiting = parts.pop();
    for (const part of parts) {
      const data = part.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
      if (part.startsWith("event: changes") && data) told(JSON.parse(data));
    }
  }
}
