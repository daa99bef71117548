// One session as it ran: agents as lanes, handoffs as arrows, the critical path marked; then why its
// numbers are what they are. And the list of sessions that leads here.

import { ask } from "./api.js";
import { takeAway } from "./charts.js";
import { address, badge, card, empty, facts, fill, h, name, s, share, table, visible, when } from "./dom.js";
import { drawTimeline, driftTone, png, timelineLegend } from "./timeline.js";
import { handoffTable } from "./agents.js";
import { bytes, counted, duration, exact, money, number, percent, score, words } from "./format.js";

const LIST = `query Sessions($since: DateTime, $agent: String, $offset: Int) {
  sessions(since: $since, agent: $agent, limit: 50, offset: $offset) { sessionId startedAt durationMs agents handoffs llmCalls inputTokens outputTokens costUsd
    errors driftScore completeness final }
}`;
const PAGE = 50;
const FEW = 15;

export const sessions = {
  title: "Sessions",

  async load(at, signal) {
    const asked = { since: at.since, agent: at.given.get("agent"), offset: Number(at.given.get("from") ?? 0) || 0 };
    return { ...asked, ...(await ask(LIST, asked, signal)) };
  },

  mount(root, { go }) {
    const body = h("div", {});
    root.append(h("h1", { class: "visually-hidden" }, "Sessions"), body);
    return (data, at) => {
      if (!data.sessions.length && !data.offset && !data.agent) {
        return fill(body, empty(`No sessions${at.since ? ` in the last ${at.window}` : ""}`, "A session is a conversation, or the trace where no conversation is named. It appears a second or two after its first span.",
          at.since && h("p", {}, h("button", { type: "button", onclick: () => go({ window: "all" }) }, "Show all time"))));
      }
      const page = (label, from, place) => h("button", { type: "button", "data-key": `${label} ${place}`, onclick: () => go({ from: from ? String(from) : null }) }, label);
      const pages = (place) => [data.offset > 0 && page("Newer", Math.max(0, data.offset - PAGE), place), data.sessions.length === PAGE && page("Older", data.offset + PAGE, place)].filter(Boolean);
      fill(body, card("Sessions", { about: `${data.agent ? `with ${visible(data.agent, 60)}, ` : ""}${data.offset ? `from the ${exact(data.offset + 1)}. on, ` : ""}newest first`, tools: [
        data.agent && h("button", { type: "button", "data-key": "everybody", onclick: () => go({ agent: null, from: null }) }, "Of all agents"),
        pages("above")].flat().filter(Boolean) },
      table("Sessions", [
        { label: "Session", wide: true, value: (each) => [name(each.sessionId), !each.final && [" ", badge("growing", "fair")]] },
        { label: "Began", value: (each) => when(each.startedAt) },
        { label: "Took", number: true, value: (each) => duration(each.durationMs) },
        { label: "Agents", wide: true, value: (each) => name(each.agents.join(", ")) },
        { label: "Handoffs", number: true, value: (each) => number(each.handoffs) },
        { label: "LLM calls", number: true, value: (each) => number(each.llmCalls) },
        { label: "Tokens", number: true, value: (each) => number(each.inputTokens + each.outputTokens) },
        { label: "Cost", number: true, value: (each) => money(each.costUsd) },
        { label: "Drift", number: true, hint: "how far the context moved, 0 to 1", value: (each) => score(each.driftScore) },
        { label: "Complete", number: true, hint: "share of spans whose parent came", value: (each) => percent(each.completeness) },
        { label: "Errors", number: true, value: (each) => (each.errors ? badge(number(each.errors), "bad") : "0") },
      ], data.sessions, { href: (each) => address("session", [each.sessionId]), key: (each) => each.sessionId, empty: data.offset ? "No more." : `No session${data.agent ? " with this agent" : ""}${at.since ? ` in the last ${at.window}` : ""}.` }),
      data.sessions.length > FEW && h("div", { class: "card-tools pages" }, pages("below"))));
    };
  },
};

const QUERY = `query Session($id: String!) {
  session(sessionId: $id) { sessionId traceIds agents startedAt durationMs handoffs llmCalls inputTokens outputTokens costUsd errors driftScore completeness final
    residualTokens analysisVersion
    tokens { agent model llmCalls inputTokens outputTokens cacheReadTokens cacheWriteTokens reasoningTokens costUsd unpricedTokens }
    ledger(limit: 1000) { spanId spanName agent kind model reportedTokens ownTokens rule conflict startedAt aboveSpanId reportedInputTokens reportedOutputTokens
      reportedCacheReadTokens reportedCacheWriteTokens reportedReasoningTokens ownInputTokens ownOutputTokens residualTokens } }
  timeline(sessionId: $id, limit: 3000) { traceId spanId parentSpanId name kind agent model tool startedAt durationMs criticalMs error errorType errorMessage function file line }
  handoffs(sessionId: $id, limit: 1000) { id sessionId traceId fromAgent toAgent kind startedAt latencyMs quality qualityConfidence confidence evidence
    fromSpanId toSpanId final traceUrl qualityParts { completed contextKept noBounce promptness allowed } }
  contextDrift(sessionId: $id) { fromAgent toAgent score method at handoffId requestKept answerKept factsKnown onTopic growth repeatedPrefix toolsChanged bytesRead bytesCut }
  bottlenecks(sessionId: $id, limit: 5) { severity recommendation }
}`;
const MESSAGES = "query Messages($trace: String!, $span: String!) { messages(traceId: $trace, spanId: $span) { speaker received text cut } }";
const ROWS_MAX = 200;
const SPANS_MAX = 3000;
const LEDGER_MAX = 1000;
const FRAME = 38;

// the collector works out a timeline anew each time: not for a reader who only turns to another span
let kept = { id: null, data: null };

export const session = {
  title: "Session",
  concerns: (data, sessions) => !data.session || sessions.includes(data.session.sessionId),

  async load(at, signal, isTurned) {
    const id = at.parts.join("/");
    if (!isTurned || kept.id !== id) kept = { id, data: await ask(QUERY, { id }, signal) };
    return kept.data;
  },

  mount(root, { go }) {
    const body = h("div", {});
    const frame = h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Timeline of agents" });
    let drawing = null;
    let room = 0;
    let draw = null;
    root.append(body);
    // as wide as its card, and drawn anew when that changes
    new ResizeObserver(() => body.clientWidth !== room && draw?.()).observe(body);
    return async (data, at) => {
      if (!data.session) {
        draw = null;
        return fill(body, h("h1", { class: "visually-hidden" }, "Session"), empty("No such session", "Either it is older than what the store keeps, or its spans have not come yet: then this page shows it as soon as they do.",
          h("a", { href: address("sessions") }, "All sessions")));
      }
      draw = () => {
        room = body.clientWidth;
        drawing = drawTimeline(data, { room: room - FRAME, chosen: at.given.get("span"), choose: (stretch) => go({ span: stretch.spanId }) });
        fill(frame, drawing ?? h("p", { class: "nothing" }, "Its spans are no longer kept, or no agent is among them."));
      };
      draw();
      const chosen = data.timeline.find((each) => each.spanId === at.given.get("span"));
      const detail = h("div", { class: "detail", "aria-live": "polite" });
      fill(body, heading(data.session),
        card("Timeline", { about: "A lane for each agent, in time since the session began. Arrows are handoffs, dots at the bottom how far the context had moved (drift). Choose a bar to see what was said.",
          tools: takeAway("Timeline", { JSON: () => data.timeline }, () => png(drawing)) },
        timelineLegend(data), frame,
        data.timeline.length === SPANS_MAX && h("p", { class: "about" }, `Its first ${exact(SPANS_MAX)} spans.`)),
        detail,
        data.bottlenecks.length > 0 && card("What held it up", {}, h("ul", { class: "advice" }, data.bottlenecks.map((each) =>
          h("li", {}, badge(words(each.severity), { CRITICAL: "bad", HIGH: "bad", MEDIUM: "fair" }[each.severity] ?? ""), " ", h("bdi", {}, visible(each.recommendation, 500)))))),
        card("Handoffs", { about: `in their order${data.handoffs.length > ROWS_MAX ? `, the first ${ROWS_MAX} of ${exact(data.handoffs.length)}` : ""}` }, handoffTable(data.handoffs.slice(0, ROWS_MAX), { session: false })),
        driftCard(data.contextDrift), tokensCard(data.session),
        ledgerCard(data.session));
      if (chosen) await showChosen(detail, chosen, data, go);
    };
  },
};

function heading(session) {
  return h("header", { class: "card dense" }, h("div", { class: "card-head" }, h("h1", { class: "title" }, name(session.sessionId)),
    h("div", { class: "card-tools" }, session.errors > 0 && badge(counted(session.errors, "error"), "bad"), !session.final && badge("still growing", "fair"))),
  facts(["Began", when(session.startedAt)], ["Took", duration(session.durationMs)], ["Agents", h("span", { title: visible(session.agents.join(", "), 600) }, number(session.agents.length))],
    ["Handoffs", number(session.handoffs)], ["LLM calls", number(session.llmCalls)], ["Tokens", `${exact(session.inputTokens)} in, ${exact(session.outputTokens)} out`],
    ["Cost", money(session.costUsd)], ["Drift", score(session.driftScore)],
    ["Complete", h("span", { class: "hinted", title: "Share of spans whose parent came" }, percent(session.completeness))],
    ["Analysis", `version ${session.analysisVersion}`],
    ["Traces", h("span", { class: "mono" }, name(session.traceIds.slice(0, 2).join(", ")), session.traceIds.length > 2 && ` and ${exact(session.traceIds.length - 2)} more`)]));
}

async function showChosen(detail, chosen, { session, timeline }, go) {
  const above = timeline.find((each) => each.traceId === chosen.traceId && each.spanId === chosen.parentSpanId);
  const close = h("button", { type: "button", class: "quiet", "data-key": "close", onclick: () => go({ span: null }) }, "Close");
  const said = h("div", { class: "said" }, h("p", { class: "about" }, "Loading …"));
  const place = chosen.file && `${chosen.file}${chosen.line ? `:${chosen.line}` : ""}`;
  fill(detail, card("Chosen span", { tools: close, className: "chosen" },
    facts(["Span", name(chosen.name)], ["Kind", words(chosen.kind)], ["Agent", name(chosen.agent)], ["Model", chosen.model && name(chosen.model)], ["Tool", chosen.tool && name(chosen.tool)],
      ["Took", duration(chosen.durationMs)], ["On the critical path", duration(chosen.criticalMs)],
      ["Made in", chosen.function && h("a", { class: "mono", href: address("code", [], { function: chosen.function }) }, name(chosen.function))],
      ["Where", place && h("span", { class: "mono" }, name(place))], ["Below", above && h("a", { href: address("session", [session.sessionId], { span: above.spanId }) }, name(above.name))],
      ["Span id", h("span", { class: "mono" }, chosen.spanId)]),
    failure(chosen), said));
  const { messages } = await ask(MESSAGES, { trace: chosen.traceId, span: chosen.spanId });
  fill(said, messages.length
    ? messages.map((each) => h("figure", { class: each.received ? "in" : "out" }, h("figcaption", {}, each.speaker || (each.received ? "received" : "answered"), each.cut && " (cut)"),
      h("blockquote", { dir: "auto", tabindex: 0 }, paragraphs(each.text))))
    : h("p", { class: "about" }, "No messages were captured here. Most instrumentations write them only when told to, for instance by OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true."));
}

/** What a span that failed says of it, as far as it does. */
const failure = ({ error, errorType, errorMessage }) => error && h("div", { class: "failure", role: "note", dir: "auto" },
  h("strong", {}, errorType ? visible(errorType, 200) : "Failed"), errorMessage ? h("span", {}, ": ", paragraphs(errorMessage)) : !errorType && ", and does not say why.");

/** Text of several lines: its line breaks stay, other control characters are seen. */
const paragraphs = (text) => text.split("\n").map((line) => visible(line, 20_000)).join("\n");

function driftCard(rows) {
  const part = (text, key, hint) => ({ label: text, number: true, hint, value: (each) => percent(each[key]) });
  return card("Context drift", { about: "How far the work moved from what was asked, at each handoff: 0 not at all, 1 altogether" },
    table("Context drift", [
      { label: "Handoff", wide: true, value: (each) => [name(each.fromAgent ?? "(start)", { most: 60 }), " → ", name(each.toAgent, { most: 60 })] },
      { label: "When", value: (each) => when(each.at) },
      { label: "Score", number: true, hint: "0 not at all, 1 altogether", value: (each) => score(each.score) },
      { label: "Score as a bar", silent: true, spare: true, value: (each) => share(each.score, { tone: driftTone(each.score).replace("good", "") }) },
      part("Request kept", "requestKept", "of what was asked, received"),
      part("Answer kept", "answerKept", "of what was answered before, received"),
      part("Facts known", "factsKnown", "of the numbers, codes and names received, known before"),
      part("On topic", "onTopic", "of what is received, about what was asked"),
      { label: "Growth", number: true, hint: "how long the input is, as a multiple of the sender's", value: (each) => (each.growth === null ? "–" : `×${each.growth.toFixed(1)}`) },
      part("Sent again", "repeatedPrefix", "of the input, begins as the sender's did"),
      part("Tools changed", "toolsChanged", "of the tools offered, others than the sender's"),
      { label: "Read", number: true, value: (each) => h("span", { title: each.bytesCut ? `${exact(each.bytesCut)} bytes were too long to be read` : false }, `${bytes(each.bytesRead)}${each.bytesCut ? " (cut)" : ""}`) },
      { label: "How", hint: "what the score was measured with", value: (each) => h("span", { class: "still" }, each.method) },
    ], rows.slice(0, ROWS_MAX), { key: (each) => `drift ${each.handoffId}`, empty: "No handoffs, so nothing could move." }));
}

function tokensCard(session) {
  const all = session.inputTokens + session.outputTokens || 1;
  return card("Tokens by agent and model", {},
    table("Tokens by agent and model", [
      { label: "Agent", wide: true, value: (each) => name(each.agent ?? "(none)") },
      { label: "Model", wide: true, value: (each) => name(each.model ?? "(unknown)") },
      { label: "LLM calls", number: true, value: (each) => number(each.llmCalls) },
      { label: "In", number: true, value: (each) => exact(each.inputTokens) },
      { label: "Out", number: true, value: (each) => exact(each.outputTokens) },
      { label: "Share", silent: true, spare: true, value: (each) => share((each.inputTokens + each.outputTokens) / all) },
      { label: "Cache read", number: true, hint: "part of what went in", value: (each) => exact(each.cacheReadTokens) },
      { label: "Cache written", number: true, hint: "part of what went in", value: (each) => exact(each.cacheWriteTokens) },
      { label: "Reasoning", number: true, hint: "part of what came out", value: (each) => exact(each.reasoningTokens) },
      { label: "Unpriced", number: true, hint: "tokens without a known price", value: (each) => exact(each.unpricedTokens) },
      { label: "Cost", number: true, value: (each) => money(each.costUsd) },
    ], session.tokens, { empty: "No tokens were reported." }));
}

function ledgerCard(session) {
  const odd = session.ledger.filter((each) => each.conflict).length;
  const names = new Map(session.ledger.map((each) => [each.spanId, each.spanName]));
  return card("Token ledger", { about: `Every report of tokens, what of it counts, and by which rule${odd ? `; ${counted(odd, "report")} in conflict` : ""}${session.residualTokens ? `; ${exact(session.residualTokens)} tokens cannot be placed` : ""}`,
    tools: takeAway("Token ledger", { JSON: () => session.ledger }) },
  table("Token ledger", [
    { label: "Span", wide: true, value: (each) => name(each.spanName) },
    { label: "Began", value: (each) => when(each.startedAt) },
    { label: "Agent", value: (each) => (each.agent ? name(each.agent, { most: 40 }) : "–") },
    { label: "Kind", value: (each) => words(each.kind) },
    { label: "Model", value: (each) => (each.model ? name(each.model, { most: 40 }) : "–") },
    { label: "Reported", number: true, value: (each) => h("span", { title: `${exact(each.reportedInputTokens)} in, ${exact(each.reportedOutputTokens)} out` }, exact(each.reportedTokens)) },
    { label: "Cached", number: true, hint: "read / written, as reported", value: (each) => `${exact(each.reportedCacheReadTokens)} / ${exact(each.reportedCacheWriteTokens)}` },
    { label: "Reasoning", number: true, hint: "as reported", value: (each) => exact(each.reportedReasoningTokens) },
    { label: "Counts", number: true, hint: "what of it is added up", value: (each) => exact(each.ownTokens) },
    { label: "In", number: true, hint: "of what counts", value: (each) => exact(each.ownInputTokens) },
    { label: "Out", number: true, hint: "of what counts", value: (each) => exact(each.ownOutputTokens) },
    { label: "Not placed", number: true, hint: "of a total that its parts do not make up", value: (each) => exact(each.residualTokens) },
    { label: "Because", value: (each) => [h("span", { class: "still" }, words(each.rule)), each.conflict && [" ", badge("conflict", "bad")]] },
    { label: "Above", value: (each) => (names.has(each.aboveSpanId) ? name(names.get(each.aboveSpanId), { most: 40 }) : each.aboveSpanId ? h("span", { class: "mono" }, each.aboveSpanId) : "–"), hint: "the report that holds this one" },
  ], session.ledger.slice(0, ROWS_MAX), { href: (each) => address("session", [session.sessionId], { span: each.spanId }), key: (each) => `ledger ${each.spanId}`, empty: "No span reported tokens." }),
  session.ledger.length > ROWS_MAX && h("p", { class: "about" }, session.ledger.length < LEDGER_MAX ? `The first ${ROWS_MAX} of ${exact(session.ledger.length)}; save the JSON for all.`
      : `The first ${ROWS_MAX}; save the JSON for the first ${exact(LEDGER_MAX)}, the API has them all, page by page.`));
}
