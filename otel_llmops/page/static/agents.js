// Who hands over to whom, and how well: the coordination graph, and behind each edge its handoffs.

import { ask } from "./api.js";
import { colour, label, picture, quality, series, tooltip } from "./charts.js";
import { address, badge, card, code, empty, facts, fill, h, name, names, table, when } from "./dom.js";
import { counted, duration, exact, money, number, percent, score, words } from "./format.js";
import { columns } from "./layout.js";

const GRAPH = `sessionId omittedAgents omittedEdges outsideShare cycles entryAgents exitAgents deadEnds
  brokers { agent betweenness } communities pingPongs { agents handoffs back }
  nodes { agent type invocations llmCalls inputTokens outputTokens totalTokens costUsd errors handoffsIn handoffsOut }
  edges { fromAgent toAgent handoffs quality avgLatencyMs timed kinds failed judged outside tokens costUsd }`;
const QUERY = `query Agents($since: DateTime, $session: String, $type: AgentType, $skip: Int) {
  coordinationGraph(since: $since, sessionId: $session) { ${GRAPH} }
  agents(since: $since, type: $type, limit: 500, offset: $skip) { name role type description invocations llmCalls errors totalTokens costUsd latencyMsP95 handoffsOut handoffsIn }
}`;
const HANDOFF = `id sessionId traceId fromAgent toAgent kind startedAt latencyMs quality qualityConfidence confidence evidence fromSpanId toSpanId final traceUrl
  qualityParts { completed contextKept noBounce promptness allowed }`;
const HANDOFFS = `query Handoffs($agent: String, $since: DateTime, $session: String, $least: Float, $skip: Int) {
  handoffs(agent: $agent, since: $since, sessionId: $session, minQuality: $least, limit: 1000, offset: $skip) { ${HANDOFF} }
}`;
const EXPORT = `query Export($since: DateTime, $session: String, $format: String!) {
  coordinationGraph(since: $since, sessionId: $session) { export(format: $format) }
}`;
const ONE = `query One($agent: String!) {
  agent(name: $agent) { name role type description canHandoffTo models services inputTokens outputTokens costUsd latencyMsP50 latencyMsP95 firstSeen lastSeen }
}`;
const TYPES = ["PRIMARY", "ORCHESTRATOR", "SPECIALIST", "TOOL", "UNKNOWN"];
const AGENTS_A_PAGE = 500;
const HANDOFFS_A_PAGE = 1000;
const QUALITIES = { any: null, "0.5 and better": 0.5, "0.8 and better": 0.8 };
const SHOWN_MAX = 50;
const CHOSEN_MAX = 12;
const MANY = 150;
const NAMED_OF_MANY = 30;

export const agents = {
  title: "Agents",
  pictures: true,

  async load(at, signal) {
    const window = { since: at.since, session: at.given.get("session") };
    const type = TYPES.includes(at.given.get("type")) ? at.given.get("type") : null;
    const skip = { agents: Number(at.given.get("skip")) || 0, handoffs: Number(at.given.get("after")) || 0 };
    const least = Number(at.given.get("least")) || null;
    const chosen = { from: at.given.get("from"), to: at.given.get("to"), agent: at.given.get("agent") };
    const wanted = chosen.from ?? chosen.agent;
    const [data, more, one] = await Promise.all([
      ask(QUERY, { ...window, type, skip: skip.agents }, signal),
      wanted ? ask(HANDOFFS, { ...window, agent: wanted, least, skip: skip.handoffs }, signal) : null,
      chosen.agent ? ask(ONE, { agent: chosen.agent }, signal) : null,
    ]);
    return { ...data, chosen, window, type, skip, least, one: one?.agent, handoffs: more?.handoffs ?? [] };
  },

  mount(root, { go }) {
    let latest = null;
    const exported = (format) => async () => (await ask(EXPORT, { ...latest.window, format })).coordinationGraph?.export ?? {};
    const graph = picture("Coordination graph", {
      draw: drawGraph,
      height: 440,
      described: "Agents as circles, handoffs between them as arrows, wider where there were more; the table below lists them",
      files: { JSON: () => latest.coordinationGraph, D3: exported("d3"), Cytoscape: exported("cytoscape"), Sankey: exported("sankey") },
      chosen: (event) => {
        if (event.dataType === "edge") go({ from: event.data.from, to: event.data.to, agent: null });
        else if (event.dataType === "node") go({ agent: event.data.agent, from: null, to: null });
      },
    });
    const nothing = h("div", {});
    const detail = h("div", { class: "detail", "aria-live": "polite" });
    const edges = h("div", {});
    const found = h("div", { class: "findings" });
    const list = h("div", {});
    const frame = card("Who hands over to whom",
      { about: "Arrows are handoffs, wider where there are more. Agents are larger where they use more tokens, and of one colour where they hand over mostly among themselves. Choose an arrow or an agent.", tools: graph.tools }, legend(), graph.node, found);
    const body = h("div", {}, frame, detail, edges, list);
    root.append(h("h1", { class: "visually-hidden" }, "Agents"), nothing, body);
    return (data, at) => {
      const turned = latest && JSON.stringify(latest.chosen) !== JSON.stringify(data.chosen);
      latest = data;
      body.hidden = !data.agents.length && !data.type && !data.coordinationGraph?.nodes.length;
      fill(nothing, body.hidden && nobody(at, go));
      if (body.hidden) return;
      const known = data.coordinationGraph ?? { nodes: [], edges: [], cycles: [], entryAgents: [], deadEnds: [], brokers: [], pingPongs: [], communities: [] };
      frame.hidden = !known.nodes.length;
      graph.update({ ...known, chosen: data.chosen }, { tall: Math.min(Math.max(440, innerHeight - 240), Math.max(innerWidth < 600 ? 420 : 300, 100 + known.nodes.length * 26)) });
      fill(found, ...findings(known));
      fill(detail, chosenDetail(data, go));
      fill(edges, edgeTable(known, data.chosen));
      fill(list, agentTable(data, go));
      if (turned && detail.firstChild) detail.scrollIntoView({ block: "nearest" });
    };
  },
};

function nobody(at, go) {
  return empty(`No agents in the ${at.since ? `last ${at.window}` : "store"}`,
    "An agent is a span whose operation is invoke_agent, by any instrumentation; or a function of yours that says so:",
    code("@otel_llmops.agent(\"triage\", can_handoff_to=[\"writer\"])\ndef triage(question): ..."),
    at.since && h("p", {}, h("button", { type: "button", onclick: () => go({ window: "all" }) }, "Show all time")));
}

const SIGNS = { SPECIALIST: ["circle", "●"], ORCHESTRATOR: ["diamond", "◆"], PRIMARY: ["roundRect", "■"], TOOL: ["triangle", "▲"] };

function legend() {
  return h("ul", { class: "legend" },
    [["good", "quality 0.8 and better"], ["fair", "0.5 to 0.8"], ["bad", "below 0.5"]].map(([tone, text]) =>
      h("li", {}, h("span", { class: `line ${tone}` }), text)),
    Object.entries(SIGNS).map(([type, [, sign]]) => h("li", {}, h("span", { "aria-hidden": "true" }, sign), words(type))),
    h("li", {}, h("span", { class: "ring" }), `${percent(FAILING)} or more of its calls fail`));
}

const FAILING = 0.05;
const isFailing = (node) => node.errors / Math.max(1, node.llmCalls) >= FAILING;

const DASHES = [[0.5, [2, 3]], [0.8, [8, 3]]];

/** How a line of this quality is drawn: by more than its colour. */
const dashes = (value, width) => {
  const dash = DASHES.find(([below]) => value !== null && value < below)?.[1];
  return dash ? dash.map((length) => Math.max(length, (length * width) / 3)) : "solid";
};

function drawGraph(graph, size) {
  const isNarrow = size.width < 600;
  const places = columns(graph.nodes.map((node) => node.agent),
    graph.edges.map((edge) => ({ from: edge.fromAgent, to: edge.toAgent, weight: edge.handoffs })), graph.entryAgents);
  const biggest = Math.max(...graph.nodes.map((node) => node.totalTokens), 1);
  const busiest = Math.max(...graph.edges.map((edge) => edge.handoffs), 1);
  const many = graph.nodes.length > MANY;
  const room = isNarrow ? 76 : 140;
  // on a phone from top to bottom
  const place = ({ x, y }) => (isNarrow ? { x: y * size.width, y: x * size.height } : { x: x * size.width, y: y * size.height });
  const thick = (edge) => (many ? 1 : 1.5 + 7 * Math.sqrt(edge.handoffs / busiest));
  // where thousands of lines lie upon each other, what is shared is what stands out
  const strength = Math.max(0.15, 0.75 - graph.edges.length / 6000);
  const named = new Set([...graph.nodes].sort((one, other) => other.totalTokens - one.totalTokens).slice(0, many ? NAMED_OF_MANY : MANY).map((node) => node.agent));
  const groups = new Map(graph.communities.flatMap((members, group) => members.map((agent) => [agent, group])));
  const palette = series();
  const { from, to, agent } = graph.chosen ?? {};
  const isFaint = (edge) => (from ? edge.fromAgent !== from || edge.toAgent !== to : agent ? edge.fromAgent !== agent && edge.toAgent !== agent : false);
  return {
    tooltip: tooltip({ formatter: (shown) => (shown.dataType === "edge" ? edgeText(shown.data.edge) : nodeText(shown.data.node)) }),
    series: [{
      type: "graph", layout: "none", roam: true, left: "center", top: "middle", width: size.width - room - 8, height: size.height * 0.8, preserveAspect: true,
      scaleLimit: { min: 0.3, max: 8 },
      edgeSymbol: many ? ["none", "none"] : ["none", "arrow"], edgeSymbolSize: 9,
      emphasis: many ? { disabled: true } : { focus: "adjacency", lineStyle: { opacity: 1 } },
      labelLayout: { hideOverlap: true },
      label: { show: true, position: "bottom", distance: 6, color: colour("ink"), fontSize: 12, width: room, overflow: "truncate",
        textBorderColor: colour("surface"), textBorderWidth: 3 },
      data: graph.nodes.map((node) => ({
        id: node.agent, name: label(node.agent), agent: node.agent, node, label: { show: named.has(node.agent) },
        ...place(places.get(node.agent)),
        symbol: SIGNS[node.type]?.[0] ?? "circle",
        symbolSize: many ? 6 + 10 * Math.sqrt(node.totalTokens / biggest) : 18 + 26 * Math.sqrt(node.totalTokens / biggest),
        itemStyle: {
          color: palette[(groups.get(node.agent) ?? 0) % palette.length],
          borderColor: isFailing(node) ? colour("bad") : colour("surface"), borderWidth: isFailing(node) ? 3 : 2,
          opacity: agent && agent !== node.agent && !graph.edges.some((edge) => !isFaint(edge) && (edge.fromAgent === node.agent || edge.toAgent === node.agent)) ? 0.35 : 1,
        },
      })),
      links: graph.edges.map((edge) => ({
        source: edge.fromAgent, target: edge.toAgent, from: edge.fromAgent, to: edge.toAgent, edge,
        lineStyle: {
          color: quality(edge.quality),
          width: thick(edge), type: many ? "solid" : dashes(edge.quality, thick(edge)),
          curveness: many ? 0 : 0.14, opacity: isFaint(edge) ? strength * 0.16 : strength,
        },
      })),
    }],
  };
}

const nodeText = (node) => [label(node.agent, 60), words(node.type),
  `${number(node.totalTokens)} tokens (${number(node.inputTokens)} in, ${number(node.outputTokens)} out), ${money(node.costUsd)}`,
  `${number(node.invocations)} runs, ${number(node.errors)} errors`,
  `${number(node.handoffsIn)} handoffs in, ${number(node.handoffsOut)} out`].join("\n");

const edgeText = (edge) => [`${label(edge.fromAgent, 40)} → ${label(edge.toAgent, 40)}`,
  `${number(edge.handoffs)} handoffs, ${edge.kinds.map(words).join(", ")}`,
  `quality ${score(edge.quality)}, ${number(edge.failed)} failed`,
  `${edge.timed ? `${duration(edge.avgLatencyMs)} to begin, ` : ""}${number(edge.tokens)} tokens after, ${money(edge.costUsd)}`].join("\n");

function findings(graph) {
  const chain = (names) => names.flatMap((each, place) => [place ? " → " : "", name(each, { most: 60 })]);
  const some = (items) => items.slice(0, 3);
  return [
    ...some(graph.cycles).map((cycle) => h("p", {}, badge("circle", "fair"), " ", chain([...cycle, cycle[0]]))),
    ...some(graph.pingPongs).map((each) => h("p", {}, badge("back and forth", "fair"), " ", each.agents.flatMap((agent, place) => [place ? " ⇄ " : "", name(agent, { most: 60 })]),
      ` ${number(each.handoffs)} handoffs, ${number(each.back)} the other way`)),
    graph.entryAgents.length > 0 && h("p", {}, badge("begins"), " ", names(some(graph.entryAgents))),
    graph.exitAgents.length > 0 && h("p", {}, badge("ends"), " ", names(some(graph.exitAgents))),
    graph.deadEnds.length > 0 && h("p", {}, badge("dead end", "fair"), " ", graph.deadEnds.slice(0, 5).flatMap((agent, place) => [place ? ", " : "", name(agent, { most: 60 })])),
    graph.brokers[0]?.betweenness > 0 && h("p", {}, badge("broker"), " ", name(graph.brokers[0].agent, { most: 60 }), ` lies on ${percent(graph.brokers[0].betweenness)} of the ways between others`),
    graph.outsideShare > 0 && h("p", {}, badge("not allowed", "bad"), ` ${percent(graph.outsideShare, 1)} of ${exact(graph.edges.reduce((all, edge) => all + edge.judged, 0))} handoffs go where the agent had not said it may`),
    (graph.omittedAgents > 0 || graph.omittedEdges > 0) && h("p", {}, badge("left out"), ` ${number(graph.omittedAgents)} agents and ${number(graph.omittedEdges)} edges, the least used`),
  ];
}

const PARTS = [["completed", "completed"], ["contextKept", "context kept"], ["noBounce", "no bounce"], ["promptness", "prompt"], ["allowed", "allowed"]];

function chosenDetail(data, go) {
  const { from, to, agent } = data.chosen;
  if (!from && !agent) return null;
  const close = h("button", { type: "button", class: "quiet", "data-key": "close", onclick: () => go({ from: null, to: null, agent: null, least: null, after: null }) }, "Close");
  const shown = data.handoffs.filter((each) => !from || (each.fromAgent === from && each.toAgent === to)).sort((one, other) => one.quality - other.quality);
  const title = from ? [name(from, { most: 80 }), " → ", name(to, { most: 80 })] : name(agent, { most: 80 });
  const qualities = h("select", { "aria-label": "Quality", "data-key": "quality", onchange: (event) => go({ least: event.target.value || null, after: null }) },
    Object.entries(QUALITIES).map(([text, value]) => h("option", { value: value ?? "", selected: value === data.least }, `quality: ${text}`)));
  const isPart = data.skip.handoffs > 0 || data.handoffs.length === HANDOFFS_A_PAGE;
  const frame = card("Chosen", {
    about: `${counted(shown.length, "handoff")}${shown.length > CHOSEN_MAX ? `, the ${CHOSEN_MAX} worst shown` : ", the worst first"}${isPart ? `; of the agent's ${exact(data.skip.handoffs + 1)} to ${exact(data.skip.handoffs + data.handoffs.length)}` : ""}`,
    tools: [paging(go, "after", data.skip.handoffs, data.handoffs.length, HANDOFFS_A_PAGE), qualities, close], className: "chosen" },
  !from && (data.one ? agentDetail(data.one) : h("p", { class: "about" }, "No agent of this name is known.")), handoffTable(shown.slice(0, CHOSEN_MAX), { pair: !from }));
  frame.querySelector("h2").replaceChildren(...[title].flat());
  return frame;
}

/** Buttons to the page before and after, where there is one. */
function paging(go, parameter, skipped, length, most) {
  const to = (text, place) => h("button", { type: "button", "data-key": `${parameter} ${text}`, onclick: () => go({ [parameter]: place ? String(place) : null }) }, text);
  return [skipped > 0 && to("Before", Math.max(0, skipped - most)), length === most && to("Next", skipped + most)];
}

/** Handoffs as a table: which session, unless it is one's own (`session` false), and which pair, unless it is one. */
export function handoffTable(handoffs, { session = true, pair = true } = {}) {
  return table("Handoffs", [
    ...(session ? [{ label: "Session", wide: true, value: (each) => name(each.sessionId) }] : []),
    ...(pair ? [{ label: "Handoff", wide: true, value: (each) => [name(each.fromAgent, { most: 60 }), " → ", name(each.toAgent, { most: 60 })] }] : []),
    { label: "When", value: (each) => when(each.startedAt) },
    { label: "Kind", value: (each) => words(each.kind) },
    { label: "Began after", number: true, hint: "how long after the one handed over the other began", value: (each) => duration(each.latencyMs) },
    { label: "Quality", number: true, hint: "from 0 to 1, of the parts beside it", value: (each) => badge(score(each.quality), each.quality < 0.5 ? "bad" : each.quality < 0.8 ? "fair" : "good") },
    { label: "Made of", value: (each) => h("span", { class: "parts" }, PARTS.filter(([key]) => each.qualityParts[key] !== null).map(([key, text]) =>
      h("span", { title: text }, `${text} ${score(each.qualityParts[key])}`))) },
    { label: "Evidence", value: (each) => h("span", { class: "parts" }, each.evidence.map((word) => h("span", {}, words(word))), h("span", { title: "that it happened" }, `confidence ${score(each.confidence)}`),
      h("span", { title: "of the quality: how much of it rests on evidence" }, `of quality ${score(each.qualityConfidence)}`)) },
    { label: "Trace", silent: true, value: (each) => [each.final ? null : badge("not final"), " ",
      each.traceUrl && h("a", { class: "still", href: each.traceUrl, target: "_blank", rel: "noopener noreferrer" }, "Jaeger ↗")] },
  ], handoffs, { href: (each) => address("session", [each.sessionId], { span: each.toSpanId ?? each.fromSpanId }), key: (each) => `handoff ${each.id}`, empty: "No handoffs." });
}

function agentDetail(agent) {
  return facts(["Role", agent.role && name(agent.role)], ["Type", words(agent.type)], ["What for", agent.description && name(agent.description)],
    ["May hand over to", agent.canHandoffTo.length > 0 && names(agent.canHandoffTo)], ["Models", agent.models.length > 0 && names(agent.models)], ["Services", agent.services.length > 0 && names(agent.services)],
    ["Tokens, ever", `${exact(agent.inputTokens)} in, ${exact(agent.outputTokens)} out`], ["Cost, ever", money(agent.costUsd)],
    ["Takes", `${duration(agent.latencyMsP50)} median, ${duration(agent.latencyMsP95)} p95`],
    ["Seen", [when(agent.firstSeen), " to ", when(agent.lastSeen)]],
    ["Sessions", h("a", { href: address("sessions", [], { ...keptParameters(), agent: agent.name }) }, "those with it")]);
}

function edgeTable(graph, chosen) {
  const rows = [...graph.edges].sort((one, other) => other.handoffs - one.handoffs).slice(0, SHOWN_MAX);
  if (!rows.length) return null;
  return card("Handoffs by pair", { about: graph.edges.length > SHOWN_MAX ? `the ${SHOWN_MAX} most used of ${exact(graph.edges.length)}` : "most used first" },
    table("Handoffs by pair", [
      { label: "From → to", wide: true, value: (edge) => [name(edge.fromAgent, { most: 80 }), " → ", name(edge.toAgent, { most: 80 })] },
      { label: "Handoffs", number: true, sort: (edge) => edge.handoffs, value: (edge) => number(edge.handoffs) },
      { label: "Quality", number: true, hint: "from 0 to 1, in the mean; choose a pair to see what it is made of", sort: (edge) => edge.quality, value: (edge) => badge(score(edge.quality), edge.quality < 0.5 ? "bad" : edge.quality < 0.8 ? "fair" : "good") },
      { label: "Failed", number: true, sort: (edge) => edge.failed, value: (edge) => number(edge.failed) },
      { label: "Not allowed", number: true, hint: "of those whose sender said whom it may hand to", sort: (edge) => edge.outside, value: (edge) => (edge.judged ? `${number(edge.outside)} of ${number(edge.judged)}` : "–") },
      { label: "Began after", number: true, hint: "how long after the one handed over the other began, in the mean", sort: (edge) => edge.avgLatencyMs, value: (edge) => (edge.timed ? duration(edge.avgLatencyMs) : "–") },
      { label: "Tokens after", number: true, hint: "spent by whom it was handed to", sort: (edge) => edge.tokens, value: (edge) => number(edge.tokens) },
      { label: "Cost after", number: true, sort: (edge) => edge.costUsd, value: (edge) => money(edge.costUsd) },
      { label: "Kinds", value: (edge) => edge.kinds.map(words).join(", ") },
    ], rows, {
      href: (edge) => address("agents", [], { ...keptParameters(), from: edge.fromAgent, to: edge.toAgent }),
      key: (edge) => `edge ${edge.fromAgent} ${edge.toAgent}`,
      current: (edge) => edge.fromAgent === chosen.from && edge.toAgent === chosen.to,
    }));
}

/** The window and the session that the address names now. */
function keptParameters() {
  const given = new URLSearchParams(location.hash.split("?")[1] ?? "");
  return { window: given.get("window"), session: given.get("session"), type: given.get("type") };
}

function agentTable(data, go) {
  const types = h("select", { "aria-label": "Type", "data-key": "type", onchange: (event) => go({ type: event.target.value || null, skip: null }) },
    h("option", { value: "" }, "every type"), TYPES.map((type) => h("option", { value: type, selected: type === data.type }, words(type))));
  return card("All agents", { about: `${data.skip.agents ? `from the ${exact(data.skip.agents + 1)}. on, ` : ""}${exact(data.agents.length)}, most tokens first`,
    tools: [paging(go, "skip", data.skip.agents, data.agents.length, AGENTS_A_PAGE), types] },
  table("All agents", [
    { label: "Agent", wide: true, sort: (agent) => agent.name, value: (agent) => name(agent.name) },
    { label: "Type", value: (agent) => words(agent.type) },
    { label: "What", wide: true, value: (agent) => name(agent.role ?? agent.description ?? "–") },
    { label: "Runs", number: true, sort: (agent) => agent.invocations, value: (agent) => number(agent.invocations) },
    { label: "LLM calls", number: true, sort: (agent) => agent.llmCalls, value: (agent) => number(agent.llmCalls) },
    { label: "Tokens", number: true, sort: (agent) => agent.totalTokens, value: (agent) => number(agent.totalTokens) },
    { label: "Cost", number: true, sort: (agent) => agent.costUsd, value: (agent) => money(agent.costUsd) },
    { label: "p95", number: true, hint: "how long 95 of 100 runs took at most", sort: (agent) => agent.latencyMsP95, value: (agent) => duration(agent.latencyMsP95) },
    { label: "Errors", number: true, sort: (agent) => agent.errors, value: (agent) => (agent.errors ? badge(number(agent.errors), "bad") : "0") },
    { label: "Hands over", number: true, hint: "handoffs to others", sort: (agent) => agent.handoffsOut, value: (agent) => number(agent.handoffsOut) },
    { label: "Is handed", number: true, hint: "handoffs from others", sort: (agent) => agent.handoffsIn, value: (agent) => number(agent.handoffsIn) },
  ], data.agents, {
    href: (agent) => address("agents", [], { ...keptParameters(), agent: agent.name }),
    key: (agent) => `listed ${agent.name}`,
    current: (agent) => agent.name === data.chosen.agent,
    empty: "No agent of this type in the window.",
  }));
}
