// One session as it ran: agents as lanes, handoffs as arrows, the critical path marked; then why its
// numbers are what they are. And the list of sessions that leads here.

import { ask } from "./api.js";
import { takeAway } from "./charts.js";
import { address, badge, card, empty, fill, h, name, s, share, table, visible } from "./dom.js";
import { handoffTable } from "./agents.js";
import { duration, exact, moment, money, number, percent, score, words } from "./format.js";

const LIST = `query Sessions($since: DateTime, $agent: String, $offset: Int) {
  sessions(since: $since, agent: $agent, limit: 50, offset: $offset) { sessionId startedAt durationMs agents handoffs llmCalls inputTokens outputTokens costUsd
    errors driftScore completeness final }
}`;
const PAGE = 50;

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
      if (!data.sessions.length && !data.offset) {
        return fill(body, empty(`No sessions${at.since ? ` in the last ${at.window}` : ""}`, "A session is a conversation, or the trace where no conversation is named. It appears a second or two after its first span.",
          at.since && h("p", {}, h("button", { type: "button", onclick: () => go({ window: "all" }) }, "Show all time"))));
      }
      const page = (label, from) => h("button", { type: "button", "data-key": label, onclick: () => go({ from: from ? String(from) : null }) }, label);
      fill(body, card("Sessions", { about: data.agent ? `with ${visible(data.agent, 60)}, newest first` : "newest first", tools: [
        data.offset > 0 && page("Newer", Math.max(0, data.offset - PAGE)), data.sessions.length === PAGE && page("Older", data.offset + PAGE)].filter(Boolean) },
      table("Sessions", [
        { label: "Session", wide: true, value: (each) => name(each.sessionId) },
        { label: "Began", value: (each) => moment(each.startedAt) },
        { label: "Took", number: true, value: (each) => duration(each.durationMs) },
        { label: "Agents", wide: true, value: (each) => name(each.agents.join(", ")) },
        { label: "Handoffs", number: true, value: (each) => number(each.handoffs) },
        { label: "LLM calls", number: true, value: (each) => number(each.llmCalls) },
        { label: "Tokens", number: true, value: (each) => number(each.inputTokens + each.outputTokens) },
        { label: "Cost", number: true, value: (each) => money(each.costUsd) },
        { label: "Drift", number: true, hint: "how far the context moved, 0 to 1", value: (each) => score(each.driftScore) },
        { label: "Errors", number: true, value: (each) => (each.errors ? badge(number(each.errors), "bad") : "0") },
      ], data.sessions, { href: (each) => address("session", [each.sessionId]), key: (each) => each.sessionId })));
    };
  },
};

const QUERY = `query Session($id: String!) {
  session(sessionId: $id) { sessionId traceIds agents startedAt durationMs handoffs llmCalls inputTokens outputTokens costUsd errors driftScore completeness final
    residualTokens
    tokens { agent model llmCalls inputTokens outputTokens cacheReadTokens reasoningTokens costUsd unpricedTokens }
    ledger { spanId spanName agent kind model reportedTokens ownTokens rule conflict startedAt } }
  timeline(sessionId: $id) { traceId spanId parentSpanId name kind agent model tool startedAt durationMs criticalMs error function file line }
  handoffs(sessionId: $id, limit: 1000) { id sessionId traceId fromAgent toAgent kind startedAt latencyMs quality qualityConfidence confidence evidence
    fromSpanId toSpanId final traceUrl qualityParts { completed contextKept noBounce promptness allowed } }
  contextDrift(sessionId: $id) { fromAgent toAgent score method at requestKept answerKept factsKnown onTopic growth toolsChanged }
  bottlenecks(sessionId: $id, limit: 5) { agent operation severity criticalPathShare savingMsHigh recommendation }
}`;
const MESSAGES = "query Messages($trace: String!, $span: String!) { messages(traceId: $trace, spanId: $span) { speaker received text cut } }";
const ROWS_MAX = 200;

export const session = {
  title: "Session",

  async load(at, signal) {
    return ask(QUERY, { id: at.parts.join("/") }, signal);
  },

  mount(root, { go }) {
    const body = h("div", {});
    root.append(body);
    return async (data, at) => {
      if (!data.session) {
        return fill(body, empty("No such session", "It may have been kept for as long as the store keeps sessions, or its spans have not come yet; this page shows it as soon as they do.",
          h("a", { href: address("sessions") }, "All sessions")));
      }
      const drawing = drawTimeline(data, (stretch) => go({ span: stretch.spanId }));
      const chosen = data.timeline.find((each) => each.spanId === at.given.get("span"));
      const detail = h("div", { class: "detail", "aria-live": "polite" });
      fill(body, heading(data.session),
        card("Timeline", { about: "Lanes are agents, arrows handoffs. The thick line below a bar is its part of the critical path. Choose a bar to see what was said.",
          tools: takeAway("Timeline", { JSON: () => data.timeline }, () => png(drawing)) },
        drawing && h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Timeline" }, drawing), !drawing && h("p", { class: "nothing" }, "Its spans are no longer kept.")),
        detail,
        data.bottlenecks.length > 0 && card("What held it up", {}, h("ul", { class: "advice" }, data.bottlenecks.map((each) =>
          h("li", {}, badge(words(each.severity), { CRITICAL: "bad", HIGH: "bad", MEDIUM: "fair" }[each.severity] ?? ""), " ", h("bdi", {}, visible(each.recommendation, 600)))))),
        card("Handoffs", { about: "in their order" }, handoffTable(data.handoffs.slice(0, ROWS_MAX))),
        h("div", { class: "columns" }, driftCard(data.contextDrift), tokensCard(data.session)),
        ledgerCard(data.session));
      if (chosen) await showChosen(detail, chosen, go);
    };
  },
};

function heading(session) {
  const fact = (term, shown) => h("div", {}, h("dt", {}, term), h("dd", {}, shown));
  return h("header", { class: "card" }, h("div", { class: "card-head" }, h("h1", { class: "title" }, name(session.sessionId)),
    h("div", { class: "card-tools" }, session.errors > 0 && badge(`${number(session.errors)} errors`, "bad"), !session.final && badge("still growing", "fair"))),
  h("dl", { class: "facts" },
    fact("Began", moment(session.startedAt)), fact("Took", duration(session.durationMs)), fact("Agents", number(session.agents.length)),
    fact("LLM calls", number(session.llmCalls)), fact("Tokens", `${exact(session.inputTokens)} in, ${exact(session.outputTokens)} out`),
    fact("Cost", money(session.costUsd)), fact("Drift", score(session.driftScore)),
    fact("Complete", h("span", { title: "Share of spans whose parent came" }, percent(session.completeness)))));
}

const LANE = 46;
const BAR = 14;
const LEFT = 150;
const TOP = 26;
const WIDTH = 1180;
const TICKS = 6;
const BARS_MAX = 3000;
const DRAWN = new Set(["agent", "llm", "tool", "retrieval", "embeddings"]);

/** An SVG, or null where there are no spans. */
function drawTimeline(data, choose) {
  const drawn = data.timeline.filter((each) => each.agent && DRAWN.has(each.kind)).slice(0, BARS_MAX);
  if (!drawn.length) return null;
  const begin = Math.min(...data.timeline.map((each) => Date.parse(each.startedAt)));
  const end = Math.max(...data.timeline.map((each) => Date.parse(each.startedAt) + each.durationMs), begin + 1);
  const x = (ms) => LEFT + ((ms - begin) / (end - begin)) * (WIDTH - LEFT - 20);
  const lanes = new Map();
  for (const each of drawn) if (!lanes.has(each.agent)) lanes.set(each.agent, lanes.size);
  const y = (agent) => TOP + lanes.get(agent) * LANE;
  const height = TOP + lanes.size * LANE + 8;
  const svg = s("svg", { class: "timeline", viewBox: `0 0 ${WIDTH} ${height}`, width: WIDTH, height, role: "group", "aria-label": "What ran when, by agent" },
    s("defs", {}, s("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" }, s("path", { d: "M0 0 8 4 0 8z", class: "tip" }))));
  for (let tick = 0; tick <= TICKS; tick += 1) {
    const at = begin + ((end - begin) * tick) / TICKS;
    svg.append(s("line", { class: "tick", x1: x(at), x2: x(at), y1: TOP - 6, y2: height }),
      s("text", { class: "tick-text", x: x(at), y: 12, "text-anchor": tick === TICKS ? "end" : "middle" }, duration(((end - begin) * tick) / TICKS)));
  }
  for (const [agent, lane] of lanes) {
    svg.append(s("line", { class: "lane", x1: 0, x2: WIDTH, y1: TOP + lane * LANE + LANE - 6, y2: TOP + lane * LANE + LANE - 6 }),
      s("text", { class: "lane-text", x: 0, y: TOP + lane * LANE + 17 }, visible(agent, 19), s("title", {}, visible(agent))));
  }
  for (const each of drawn) svg.append(bar(each, x, y, choose));
  for (const each of data.handoffs) if (lanes.has(each.fromAgent) && lanes.has(each.toAgent)) svg.append(arrow(each, x, y, begin, end));
  return svg;
}

function bar(each, x, y, choose) {
  const start = Date.parse(each.startedAt);
  const from = x(start);
  const width = Math.max(2, x(start + each.durationMs) - from);
  const isAgent = each.kind === "agent";
  const top = y(each.agent) + (isAgent ? 2 : 7);
  const about = `${visible(each.name, 120)}: ${duration(each.durationMs)}${each.criticalMs > 0 ? `, ${duration(each.criticalMs)} of the critical path` : ""}${each.error ? ", failed" : ""}`;
  const picked = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(each);
  };
  return s("g", { class: `stretch ${each.kind}${each.error ? " failed" : ""}`, tabindex: 0, role: "button", "aria-label": about, "data-key": each.spanId, onclick: picked, onkeydown: picked },
    s("title", {}, about),
    s("rect", { x: from, y: top, width, height: isAgent ? BAR + 10 : BAR, rx: 3 }),
    each.criticalMs > 0 && s("rect", { class: "critical", x: from, y: y(each.agent) + BAR + 14, width: Math.max(2, Math.min(width, (width * each.criticalMs) / Math.max(each.durationMs, 0.001))), height: 4, rx: 2 }));
}

function arrow(each, x, y, begin, end) {
  const at = Math.min(Math.max(Date.parse(each.startedAt), begin), end);
  const to = x(at);
  const from = x(Math.max(begin, at - (each.latencyMs ?? 0)));
  const down = y(each.toAgent) >= y(each.fromAgent);
  const y1 = y(each.fromAgent) + (down ? BAR + 12 : 2);
  const y2 = y(each.toAgent) + (down ? 1 : BAR + 13);
  const tone = each.quality < 0.5 ? "bad" : each.quality < 0.8 ? "fair" : "good";
  return s("path", { class: `handoff ${tone}`, "marker-end": "url(#tip)", d: `M${from} ${y1}C${from - 14} ${(y1 + y2) / 2} ${to - 14} ${(y1 + y2) / 2} ${to} ${y2}` },
    s("title", {}, `${visible(each.fromAgent, 60)} → ${visible(each.toAgent, 60)}, ${words(each.kind)}, quality ${score(each.quality)}`));
}

/** The drawing as a picture: its styles are computed into it first, since a picture has no style sheet. */
async function png(svg) {
  if (!svg) return null;
  const copy = svg.cloneNode(true);
  const originals = svg.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((element, place) => {
    const style = getComputedStyle(originals[place]);
    for (const key of ["fill", "stroke", "stroke-width", "opacity", "font-size", "font-family"]) element.setAttribute(key, style.getPropertyValue(key));
  });
  const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = h("canvas", { width: svg.viewBox.baseVal.width * 2, height: svg.viewBox.baseVal.height * 2 });
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--surface");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(url);
  return canvas.toDataURL("image/png");
}

async function showChosen(detail, chosen, go) {
  const close = h("button", { type: "button", class: "quiet", "data-key": "close", onclick: () => go({ span: null }) }, "Close");
  const fact = (term, shown) => shown && h("div", {}, h("dt", {}, term), h("dd", {}, shown));
  const said = h("div", { class: "said" }, h("p", { class: "about" }, "Loading …"));
  fill(detail, card("Chosen span", { tools: close, className: "chosen" },
    h("dl", { class: "facts" }, fact("Span", name(chosen.name)), fact("Kind", words(chosen.kind)), fact("Agent", name(chosen.agent)), fact("Model", chosen.model && name(chosen.model)),
      fact("Took", duration(chosen.durationMs)), fact("Critical", duration(chosen.criticalMs)),
      fact("Made in", (chosen.function || chosen.file) && h("span", { class: "mono" }, name([chosen.function, chosen.file && `${chosen.file}${chosen.line ? `:${chosen.line}` : ""}`].filter(Boolean).join(" · "))))),
    said));
  const { messages } = await ask(MESSAGES, { trace: chosen.traceId, span: chosen.spanId });
  fill(said, messages.length
    ? messages.map((each) => h("figure", { class: each.received ? "in" : "out" }, h("figcaption", {}, each.speaker || (each.received ? "received" : "answered"), each.cut && " (cut)"), h("blockquote", { dir: "auto" }, visible(each.text, 20_000))))
    : h("p", { class: "about" }, "No messages were captured here. Most instrumentations write them only when told to, for instance by OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true."));
}

function driftCard(rows) {
  return card("Context drift", { about: "How far the work moved from what was asked, at each handoff: 0 not at all, 1 altogether" },
    table("Context drift", [
      { label: "Handoff", wide: true, value: (each) => [name(each.fromAgent ?? "(start)", { most: 60 }), " → ", name(each.toAgent, { most: 60 })] },
      { label: "Score", number: true, value: (each) => score(each.score) },
      { label: "", value: (each) => share(each.score, { tone: each.score > 0.6 ? "bad" : each.score > 0.3 ? "fair" : "" }) },
      { label: "Kept of the request", number: true, value: (each) => percent(each.requestKept) },
      { label: "How", value: (each) => each.method },
    ], rows.slice(0, ROWS_MAX), { empty: "No handoffs, so nothing could move." }));
}

function tokensCard(session) {
  const all = session.inputTokens + session.outputTokens || 1;
  return card("Tokens by agent and model", {},
    table("Tokens by agent and model", [
      { label: "Agent", wide: true, value: (each) => name(each.agent ?? "(none)") },
      { label: "Model", wide: true, value: (each) => name(each.model ?? "(unknown)") },
      { label: "Calls", number: true, value: (each) => number(each.llmCalls) },
      { label: "In", number: true, value: (each) => number(each.inputTokens) },
      { label: "Out", number: true, value: (each) => number(each.outputTokens) },
      { label: "", value: (each) => share((each.inputTokens + each.outputTokens) / all) },
      { label: "Cost", number: true, value: (each) => money(each.costUsd) },
    ], session.tokens, { empty: "No tokens were reported." }));
}

function ledgerCard(session) {
  const odd = session.ledger.filter((each) => each.conflict).length;
  return card("Token ledger", { about: `Every report of tokens, what of it counts, and by which rule${odd ? `; ${odd} contradict each other` : ""}${session.residualTokens ? `; ${exact(session.residualTokens)} tokens cannot be placed` : ""}`,
    tools: takeAway("Token ledger", { JSON: () => session.ledger }) },
  table("Token ledger", [
    { label: "Span", wide: true, value: (each) => name(each.spanName) },
    { label: "Agent", value: (each) => (each.agent ? name(each.agent, { most: 40 }) : "–") },
    { label: "Reported", number: true, value: (each) => exact(each.reportedTokens) },
    { label: "Counts", number: true, value: (each) => exact(each.ownTokens) },
    { label: "Because", value: (each) => [words(each.rule), each.conflict && [" ", badge("conflict", "bad")]] },
  ], session.ledger.slice(0, ROWS_MAX), { empty: "No span reported tokens." }),
  session.ledger.length > ROWS_MAX && h("p", { class: "about" }, `The first ${ROWS_MAX} of ${exact(session.ledger.length)}; save the JSON for all.`));
}
