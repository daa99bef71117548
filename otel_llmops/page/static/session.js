// One session as it ran: agents as lanes, handoffs as arrows, the critical path marked; then why its
// numbers are what they are. And the list of sessions that leads here.

import { ask } from "./api.js";
import { takeAway } from "./charts.js";
import { address, badge, card, empty, facts, fill, h, name, s, share, table, visible } from "./dom.js";
import { handoffTable } from "./agents.js";
import { bytes, counted, duration, exact, moment, money, number, percent, score, words } from "./format.js";

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
      if (!data.sessions.length && !data.offset && !data.agent) {
        return fill(body, empty(`No sessions${at.since ? ` in the last ${at.window}` : ""}`, "A session is a conversation, or the trace where no conversation is named. It appears a second or two after its first span.",
          at.since && h("p", {}, h("button", { type: "button", onclick: () => go({ window: "all" }) }, "Show all time"))));
      }
      const page = (label, from) => h("button", { type: "button", "data-key": label, onclick: () => go({ from: from ? String(from) : null }) }, label);
      fill(body, card("Sessions", { about: data.agent ? `with ${visible(data.agent, 60)}, newest first` : "newest first", tools: [
        data.agent && h("button", { type: "button", "data-key": "everybody", onclick: () => go({ agent: null, from: null }) }, "Of all agents"),
        data.offset > 0 && page("Newer", Math.max(0, data.offset - PAGE)), data.sessions.length === PAGE && page("Older", data.offset + PAGE)].filter(Boolean) },
      table("Sessions", [
        { label: "Session", wide: true, value: (each) => [name(each.sessionId), !each.final && [" ", badge("growing", "fair")]] },
        { label: "Began", value: (each) => moment(each.startedAt) },
        { label: "Took", number: true, value: (each) => duration(each.durationMs) },
        { label: "Agents", wide: true, value: (each) => name(each.agents.join(", ")) },
        { label: "Handoffs", number: true, value: (each) => number(each.handoffs) },
        { label: "LLM calls", number: true, value: (each) => number(each.llmCalls) },
        { label: "Tokens", number: true, value: (each) => number(each.inputTokens + each.outputTokens) },
        { label: "Cost", number: true, value: (each) => money(each.costUsd) },
        { label: "Drift", number: true, hint: "how far the context moved, 0 to 1", value: (each) => score(each.driftScore) },
        { label: "Complete", number: true, hint: "share of spans whose parent came", value: (each) => percent(each.completeness) },
        { label: "Errors", number: true, value: (each) => (each.errors ? badge(number(each.errors), "bad") : "0") },
      ], data.sessions, { href: (each) => address("session", [each.sessionId]), key: (each) => each.sessionId, empty: "No more." })));
    };
  },
};

const QUERY = `query Session($id: String!) {
  session(sessionId: $id) { sessionId traceIds agents startedAt durationMs handoffs llmCalls inputTokens outputTokens costUsd errors driftScore completeness final
    residualTokens analysisVersion
    tokens { agent model llmCalls inputTokens outputTokens cacheReadTokens cacheWriteTokens reasoningTokens costUsd unpricedTokens }
    ledger { spanId spanName agent kind model reportedTokens ownTokens rule conflict startedAt aboveSpanId reportedInputTokens reportedOutputTokens
      reportedCacheReadTokens reportedCacheWriteTokens reportedReasoningTokens ownInputTokens ownOutputTokens residualTokens } }
  timeline(sessionId: $id, limit: 3000) { traceId spanId parentSpanId name kind agent model tool startedAt durationMs criticalMs error function file line }
  handoffs(sessionId: $id, limit: 1000) { id sessionId traceId fromAgent toAgent kind startedAt latencyMs quality qualityConfidence confidence evidence
    fromSpanId toSpanId final traceUrl qualityParts { completed contextKept noBounce promptness allowed } }
  contextDrift(sessionId: $id) { fromAgent toAgent score method at handoffId requestKept answerKept factsKnown onTopic growth repeatedPrefix toolsChanged bytesRead bytesCut }
  bottlenecks(sessionId: $id, limit: 5) { severity recommendation }
}`;
const MESSAGES = "query Messages($trace: String!, $span: String!) { messages(traceId: $trace, spanId: $span) { speaker received text cut } }";
const ROWS_MAX = 200;

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
        card("Timeline", { about: "Lanes are agents, arrows handoffs, coloured by quality. The red line below a bar is its part of the critical path. The dots at the bottom: how far the context had moved (drift). Choose a bar to see what was said.",
          tools: takeAway("Timeline", { JSON: () => data.timeline }, () => png(drawing)) },
        drawing && h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Timeline" }, drawing), !drawing && h("p", { class: "nothing" }, "Its spans are no longer kept, or no agent is among them."),
        data.timeline.length === SPANS_MAX && h("p", { class: "about" }, `Its first ${exact(SPANS_MAX)} spans.`)),
        detail,
        data.bottlenecks.length > 0 && card("What held it up", {}, h("ul", { class: "advice" }, data.bottlenecks.map((each) =>
          h("li", {}, badge(words(each.severity), { CRITICAL: "bad", HIGH: "bad", MEDIUM: "fair" }[each.severity] ?? ""), " ", h("bdi", {}, visible(each.recommendation, 600)))))),
        card("Handoffs", { about: `in their order${data.handoffs.length > ROWS_MAX ? `, the first ${ROWS_MAX} of ${exact(data.handoffs.length)}` : ""}` }, handoffTable(data.handoffs.slice(0, ROWS_MAX), { session: false })),
        driftCard(data.contextDrift), tokensCard(data.session),
        ledgerCard(data.session));
      if (chosen) await showChosen(detail, chosen, data, go);
    };
  },
};

function heading(session) {
  return h("header", { class: "card" }, h("div", { class: "card-head" }, h("h1", { class: "title" }, name(session.sessionId)),
    h("div", { class: "card-tools" }, session.errors > 0 && badge(counted(session.errors, "error"), "bad"), !session.final && badge("still growing", "fair"))),
  facts(["Began", moment(session.startedAt)], ["Took", duration(session.durationMs)], ["Agents", h("span", { title: visible(session.agents.join(", "), 600) }, number(session.agents.length))],
    ["Handoffs", number(session.handoffs)], ["LLM calls", number(session.llmCalls)], ["Tokens", `${exact(session.inputTokens)} in, ${exact(session.outputTokens)} out`],
    ["Cost", money(session.costUsd)], ["Drift", score(session.driftScore)],
    ["Complete", h("span", { title: "Share of spans whose parent came" }, percent(session.completeness))],
    ["Traces", h("span", { class: "mono" }, name(session.traceIds.slice(0, 2).join(", ")), session.traceIds.length > 2 && ` and ${exact(session.traceIds.length - 2)} more`)],
    ["Analysis", `version ${session.analysisVersion}`]));
}

const LANE = 46;
const BAR = 14;
const DRIFT = 64;
const LEFT = 150;
const TOP = 26;
const WIDTH = 1180;
const TICKS = 6;
const SPANS_MAX = 3000;
const DRAWN = new Set(["agent", "llm", "tool", "retrieval", "embeddings"]);

/** An SVG, or null where there are no spans. */
function drawTimeline(data, choose) {
  const drawn = data.timeline.filter((each) => each.agent && DRAWN.has(each.kind));
  if (!drawn.length) return null;
  const begin = Math.min(...data.timeline.map((each) => Date.parse(each.startedAt)));
  const end = Math.max(...data.timeline.map((each) => Date.parse(each.startedAt) + each.durationMs), begin + 1);
  const x = (ms) => LEFT + ((ms - begin) / (end - begin)) * (WIDTH - LEFT - 20);
  const lanes = new Map();
  for (const each of drawn) if (!lanes.has(each.agent)) lanes.set(each.agent, lanes.size);
  const y = (agent) => TOP + lanes.get(agent) * LANE;
  const moved = data.contextDrift.filter((each) => Date.parse(each.at) >= begin && Date.parse(each.at) <= end);
  const bottom = TOP + lanes.size * LANE;
  const height = bottom + (moved.length ? DRIFT : 8);
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
  if (moved.length) svg.append(driftLane(moved, x, bottom));
  return svg;
}

/** How far the context had moved at each handoff: a dot as high as its score, between 0 and 1. */
function driftLane(moved, x, top) {
  const y = (value) => top + DRIFT - 8 - value * (DRIFT - 20);
  const at = (each) => x(Date.parse(each.at));
  const line = moved.map((each, place) => `${place ? "L" : "M"}${at(each).toFixed(1)} ${y(each.score).toFixed(1)}`).join("");
  return s("g", { class: "drift" },
    s("text", { class: "lane-text", x: 0, y: top + 26 }, "drift"),
    s("text", { class: "tick-text", x: LEFT - 12, y: y(1) + 4, "text-anchor": "end" }, "1"), s("text", { class: "tick-text", x: LEFT - 12, y: y(0) + 4, "text-anchor": "end" }, "0"),
    s("line", { class: "tick", x1: LEFT, x2: WIDTH, y1: y(1), y2: y(1) }), s("line", { class: "tick", x1: LEFT, x2: WIDTH, y1: y(0), y2: y(0) }),
    s("path", { d: line }),
    moved.map((each) => s("circle", { class: driftTone(each.score), cx: at(each), cy: y(each.score), r: 4 },
      s("title", {}, `${visible(each.fromAgent ?? "(start)", 60)} → ${visible(each.toAgent, 60)}: drift ${score(each.score)}`))));
}

const driftTone = (value) => (value > 0.6 ? "bad" : value > 0.3 ? "fair" : "good");

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
    said));
  const { messages } = await ask(MESSAGES, { trace: chosen.traceId, span: chosen.spanId });
  fill(said, messages.length
    ? messages.map((each) => h("figure", { class: each.received ? "in" : "out" }, h("figcaption", {}, each.speaker || (each.received ? "received" : "answered"), each.cut && " (cut)"),
      h("blockquote", { dir: "auto", tabindex: 0 }, paragraphs(each.text))))
    : h("p", { class: "about" }, "No messages were captured here. Most instrumentations write them only when told to, for instance by OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true."));
}

/** Text of several lines: its line breaks stay, other control characters are seen. */
const paragraphs = (text) => text.split("\n").map((line) => visible(line, 20_000)).join("\n");

function driftCard(rows) {
  const part = (text, key, hint) => ({ label: text, number: true, hint, value: (each) => percent(each[key]) });
  return card("Context drift", { about: "How far the work moved from what was asked, at each handoff: 0 not at all, 1 altogether" },
    table("Context drift", [
      { label: "Handoff", wide: true, value: (each) => [name(each.fromAgent ?? "(start)", { most: 60 }), " → ", name(each.toAgent, { most: 60 })] },
      { label: "When", value: (each) => h("span", { class: "still" }, moment(each.at)) },
      { label: "Score", number: true, value: (each) => score(each.score) },
      { label: "", value: (each) => share(each.score, { tone: driftTone(each.score).replace("good", "") }) },
      part("Request kept", "requestKept", "of what was asked, received"),
      part("Answer kept", "answerKept", "of what was answered before, received"),
      part("Facts known", "factsKnown", "of the numbers, codes and names received, known before"),
      part("On topic", "onTopic", "of what is received, about what was asked"),
      { label: "Growth", number: true, hint: "how long the input is, as a multiple of the sender's", value: (each) => (each.growth === null ? "–" : `×${each.growth.toFixed(1)}`) },
      part("Sent again", "repeatedPrefix", "of the input, begins as the sender's did"),
      part("Tools changed", "toolsChanged", "of the tools offered, others than the sender's"),
      { label: "Read", number: true, value: (each) => h("span", { title: each.bytesCut ? `${exact(each.bytesCut)} bytes were too long to be read` : false }, `${bytes(each.bytesRead)}${each.bytesCut ? " (cut)" : ""}`) },
      { label: "How", value: (each) => h("span", { class: "still" }, each.method) },
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
      { label: "", value: (each) => share((each.inputTokens + each.outputTokens) / all) },
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
    { label: "Began", value: (each) => h("span", { class: "still" }, moment(each.startedAt)) },
    { label: "Agent", value: (each) => (each.agent ? name(each.agent, { most: 40 }) : "–") },
    { label: "Kind", value: (each) => words(each.kind) },
    { label: "Model", value: (each) => (each.model ? name(each.model, { most: 40 }) : "–") },
    { label: "Reported", number: true, value: (each) => h("span", { title: `${exact(each.reportedInputTokens)} in, ${exact(each.reportedOutputTokens)} out` }, exact(each.reportedTokens)) },
    { label: "Cached", number: true, hint: "read / written, as reported", value: (each) => `${exact(each.reportedCacheReadTokens)} / ${exact(each.reportedCacheWriteTokens)}` },
    { label: "Reasoning", number: true, hint: "as reported", value: (each) => exact(each.reportedReasoningTokens) },
    { label: "Counts", number: true, value: (each) => exact(each.ownTokens) },
    { label: "In", number: true, hint: "of what counts", value: (each) => exact(each.ownInputTokens) },
    { label: "Out", number: true, hint: "of what counts", value: (each) => exact(each.ownOutputTokens) },
    { label: "Not placed", number: true, value: (each) => exact(each.residualTokens) },
    { label: "Because", value: (each) => [h("span", { class: "still" }, words(each.rule)), each.conflict && [" ", badge("conflict", "bad")]] },
    { label: "Above", value: (each) => (names.has(each.aboveSpanId) ? name(names.get(each.aboveSpanId), { most: 40 }) : each.aboveSpanId ? h("span", { class: "mono" }, each.aboveSpanId) : "–"), hint: "the report that holds this one" },
  ], session.ledger.slice(0, ROWS_MAX), { href: (each) => address("session", [session.sessionId], { span: each.spanId }), key: (each) => `ledger ${each.spanId}`, empty: "No span reported tokens." }),
  session.ledger.length > ROWS_MAX && h("p", { class: "about" }, `The first ${ROWS_MAX} of ${exact(session.ledger.length)}; save the JSON for all.`));
}
