// Where in the repository the tokens burn: modules, the way they flow, hotspots, and who calls whom.

import { ask } from "./api.js";
import { colour, label, picture, series, tooltip } from "./charts.js";
import { address, badge, card, code as command, empty, fill, h, name, share, table, visible } from "./dom.js";
import { counted, duration, exact, moment, money, number, percent, words } from "./format.js";
import { columns } from "./layout.js";
import { chosenFunction, chosenModule, functionNamed, kept, moduleNamed, moduleTable, modulesOf } from "./modules.js";

const QUERY = `query Code($since: DateTime, $repository: String, $commit: String) {
  topologySnapshot(repository: $repository, commitHash: $commit) { snapshotId repositoryPath commitHash scannedAt totalModules totalFunctions totalDependencies circularDependencies cycles }
  tokenHotspots(limit: 60) { component kind totalTokens callCount avgTokensPerCall tokenShare recommendation findings { pattern figures } }
  highTokenFunctions(since: $since, limit: 30) { qualifiedName filePath totalTokens inputTokens outputTokens cumulativeTokens callCount llmCalls errors avgTokensPerCall avgDurationMs costUsd agents }
  treemap: moduleGraph(format: "treemap", repository: $repository) { data }
  sankey: moduleGraph(format: "sankey", repository: $repository) { data }
}`;
const CALLS = "query Calls($limit: Int, $repository: String, $commit: String) { functionCalls(limit: $limit, repository: $repository, commitHash: $commit) { caller callee callCount avgDurationMs totalTokens avgTokensPerCall observed static foundBy } }";
const CHAIN = "query Chain($of: String!, $repository: String, $commit: String) { callChain(entryPoint: $of, depth: 4, repository: $repository, commitHash: $commit) { caller callee callCount avgDurationMs totalTokens avgTokensPerCall observed static foundBy } }";
const EXPORT = "query Export($format: String!, $repository: String) { moduleGraph(format: $format, repository: $repository) { data } }";
const NODES_MAX = 40;
const FLOWS_MAX = 40;

export const code = {
  title: "Code",
  pictures: true,

  async load(at, signal) {
    const chosen = at.given.get("function");
    const scan = { repository: at.given.get("repository"), commit: at.given.get("commit") };
    const [data, calls, named] = await Promise.all([
      ask(QUERY, { since: at.since, ...scan }, signal),
      chosen ? ask(CHAIN, { of: chosen, ...scan }, signal) : ask(CALLS, { limit: 80, ...scan }, signal),
      chosen ? functionNamed(chosen, scan, signal) : null,
    ]);
    const modules = await modulesOf(data.topologySnapshot, scan, signal);
    const module = await moduleNamed(modules, at.given.get("module"), scan, signal);
    return { ...data, scan, chosen, named, modules, module, calls: calls.callChain ?? calls.functionCalls };
  },

  mount(root, { go }) {
    let latest = null;
    const exported = (format) => async () => (await ask(EXPORT, { format, repository: latest.scan.repository })).moduleGraph.data;
    const files = { JSON: () => latest.treemap.data, D3: exported("d3"), Cytoscape: exported("cytoscape") };
    const map = picture("Modules by tokens", { draw: drawTreemap, height: 380, files, described: "Modules as rectangles, larger where more tokens were spent" });
    const flow = picture("Tokens from agents to models", { draw: drawSankey, height: 380, files: { JSON: () => latest.sankey.data },
      described: "How many tokens flow from each agent through each function to each model" });
    const graph = picture("Calls", { draw: drawCalls, height: 400, files: { JSON: () => latest.calls }, described: "Functions as dots, calls as arrows",
      chosen: (event) => event.dataType === "node" && go({ function: event.data.function }) });
    const head = h("div", {});
    const pictures = h("div", { class: "columns" },
      card("Modules by tokens", { about: "Size: tokens spent below it; without spans, lines. Click to go in.", tools: map.tools }, map.node),
      card("From agent to model", { about: "Tokens, by the function that made the call", tools: flow.tools }, flow.node));
    const hot = h("div", {});
    const callsTitle = h("p", { class: "about" });
    const callList = h("div", {});
    const calls = card("Calls", { tools: graph.tools, about: "Solid: seen in spans. Dashed: read from the source. Choose a function." }, callsTitle, graph.node, callList);
    const place = h("div", { class: "detail", "aria-live": "polite" });
    const functions = h("div", {});
    const modules = h("div", {});
    const nothing = h("div", {});
    root.append(h("h1", { class: "visually-hidden" }, "Code"), nothing, head, place, pictures, hot, calls, functions, modules);
    return (data, at) => {
      const turned = latest && (latest.chosen !== data.chosen || latest.module?.modulePath !== data.module?.modulePath);
      latest = data;
      const has = { map: Boolean(data.topologySnapshot), flow: data.sankey.data.links?.length > 0, spans: data.highTokenFunctions.length > 0 };
      const isEmpty = !has.map && !has.spans;
      fill(nothing, isEmpty && nothingSeen(at, go));
      for (const part of [head, pictures, hot, calls, functions, modules]) part.hidden = isEmpty;
      if (isEmpty) return;
      fill(head, snapshotCard(data.topologySnapshot));
      pictures.hidden = !has.map && !has.flow;
      pictures.firstElementChild.hidden = !has.map;
      pictures.lastElementChild.hidden = !has.flow;
      const tall = has.flow ? Math.min(900, Math.max(380, Math.min(FLOWS_MAX, data.sankey.data.links.length) * 18)) : 380;
      if (has.map) map.update(data.treemap.data, { tall: innerWidth < 900 ? 380 : tall });
      if (has.flow) flow.update(data.sankey.data, { tall });
      fill(hot, hotspots(data.tokenHotspots));
      fill(place, data.chosen && chosenFunction(data, go), data.module && chosenModule(data.module, go));
      // what leads on from the chosen one stands beside it
      if (data.chosen) place.append(calls);
      else hot.after(calls);
      calls.hidden = !data.calls.length;
      const isSpent = data.calls.some((call) => call.totalTokens > 0);
      callsTitle.textContent = data.chosen ? `What ${visible(data.chosen, 120)} leads to.` : isSpent ? "The calls with the most tokens below them." : "As read from the source: no span has shown one of them yet.";
      graph.update({ calls: data.calls, chosen: data.chosen }, { tall: heightOf(data.calls) });
      fill(callList, callTable(data.calls));
      fill(functions, functionTable(data));
      fill(modules, moduleTable(data));
      if (turned && (data.chosen || data.module)) place.scrollIntoView({ block: "start" });
    };
  },
};

function nothingSeen(at, go) {
  return empty("No code seen yet", "A scan of your repository says where the tokens burn in it. It is parsed, never run:", command("otel-llmops scan ."),
    h("p", {}, "And spans say which function made them with our span processor in the application:"), command("provider.add_span_processor(otel_llmops.AgentSpanProcessor())"),
    at.since && h("p", {}, h("button", { type: "button", onclick: () => go({ window: "all" }) }, "Show all time")));
}

function snapshotCard(found) {
  if (!found) return card("Functions as spans tell them", { about: "No scan is stored; this adds modules, calls and lines:" }, command("otel-llmops scan ."));
  return card("Repository", { about: `scanned ${moment(found.scannedAt)}${found.commitHash ? `, commit ${visible(found.commitHash, 10)}` : ""}` },
    h("p", {}, name(found.repositoryPath)),
    h("p", { class: "about" }, `${counted(found.totalModules, "module")}, ${counted(found.totalFunctions, "function")}, ${counted(found.totalDependencies, "import")}, `,
      found.circularDependencies ? badge(`${exact(found.circularDependencies)} circular`, "fair") : "none circular"),
    found.cycles.slice(0, 3).map((cycle) => h("p", {}, badge("circle", "fair"), " ", name([...cycle, cycle[0]].join(" → ")))));
}

function drawTreemap(tree) {
  const hasTokens = spent(tree) > 0;
  const tints = series().map((each) => `${each}${TINT}`);
  const shape = (node) => ({
    name: label(node.name, 40), tokens: spent(node), lines: node.lines,
    value: Math.max(hasTokens ? spent(node) : node.lines ?? 0, 0),
    children: node.children?.length ? node.children.map(shape) : undefined,
  });
  return {
    tooltip: tooltip({ formatter: ({ data }) => `${data.name}\n${number(data.tokens)} tokens${data.lines ? `\n${exact(data.lines)} lines` : ""}` }),
    series: [{
      type: "treemap", name: label(tree.name ?? "all", 40), color: tints, roam: false, nodeClick: "zoomToNode", left: 0, right: 0, top: 0, bottom: 34, data: (shape(tree).children ?? []), leafDepth: 3,
      breadcrumb: { bottom: 0, itemStyle: { color: colour("raised"), textStyle: { color: colour("ink") } }, emphasis: { itemStyle: { color: colour("line") } } },
      label: { fontSize: 12, lineHeight: 16, color: colour("ink"), overflow: "truncate", formatter: ({ data }) => `${data.name}\n${number(data.value)}` },
      upperLabel: { show: true, height: 22, color: colour("ink"), fontSize: 12, formatter: ({ data }) => data?.name ?? "" },
      itemStyle: { borderColor: colour("surface"), borderWidth: 1, gapWidth: 2, borderRadius: 4 },
      levels: [
        { itemStyle: { borderWidth: 0, gapWidth: 4 }, upperLabel: { show: false } },
        { itemStyle: { borderColor: colour("line"), borderWidth: 3, gapWidth: 3 }, color: tints, upperLabel: { show: true } },
        { itemStyle: { borderColor: colour("raised"), borderWidth: 2, gapWidth: 2 }, color: tints, upperLabel: { show: true } },
        { color: tints },
      ],
    }],
  };
}

/** Tokens of a node and all below it. */
function spent(node) {
  return node.children?.length ? node.children.reduce((all, child) => all + spent(child), 0) : node.tokens ?? 0;
}

function drawSankey(data, size) {
  const id = (place) => data.nodes[place].id;
  const links = data.links.map((link) => ({ source: id(link.source), target: id(link.target), value: link.value })).sort((one, other) => other.value - one.value).slice(0, FLOWS_MAX);
  const used = new Set(links.flatMap((link) => [link.source, link.target]));
  const palette = series();
  const tones = { agent: palette[0], function: palette[1], model: palette[3] };
  const names = new Map(data.nodes.map((node) => [node.id, node.name]));
  const narrow = size.width < 600;
  const right = narrow ? 84 : 130;
  // names stand right of their bars: the last ones have the margin, others reach to the next bar
  const room = (node) => (node.type === "model" ? right - 5 : Math.max(60, (size.width - right) / 2 - 26));
  return {
    tooltip: tooltip({ formatter: (shown) => (shown.dataType === "edge"
      ? `${label(names.get(shown.data.source), 50)} → ${label(names.get(shown.data.target), 50)}\n${number(shown.data.value)} tokens`
      : `${label(names.get(shown.name), 60)}\n${number(shown.value)} tokens`) }),
    series: [{
      type: "sankey", left: 4, right, top: 6, bottom: 12, nodeGap: 14, nodeWidth: 12, draggable: false, emphasis: { focus: "adjacency" },
      label: { color: colour("ink"), fontSize: 11, overflow: "truncate", formatter: (shown) => label(names.get(shown.name), 60) },
      lineStyle: { color: "gradient", opacity: 0.3, curveness: 0.5 },
      data: data.nodes.filter((node) => used.has(node.id)).map((node) => ({ name: node.id, label: { width: room(node) }, itemStyle: { color: tones[node.type] ?? palette[4], borderWidth: 0 } })),
      links,
    }],
  };
}

/** How much of a colour is behind a name, as its alpha: so that contrast is AA in light and dark. */
const TINT = "73";

const KINDS = { function: "function", module: "module", edge: "call", call: "call" };

function hotspots(rows) {
  if (!rows.length) return null;
  const advised = rows.filter((each) => each.recommendation);
  const list = advised.length ? advised : rows.filter((each) => each.kind === "function");
  return card("Hotspots", { about: advised.length ? "where something stands out" : "most tokens first" }, h("ul", { class: "advice" }, list.slice(0, 8).map((each) => h("li", {},
    h("div", { class: "hot" }, badge(KINDS[each.kind] ?? each.kind), " ",
      each.kind === "function" ? h("a", { href: address("code", [], { ...kept(), function: each.component }), "data-key": `hot ${each.component}` }, name(each.component, { most: 120 })) : name(each.component, { most: 120 }),
      " ", h("span", { class: "about" }, `${number(each.totalTokens)} tokens, ${percent(each.tokenShare)} of all, ${number(each.avgTokensPerCall)} a call`)),
    each.recommendation && h("p", { dir: "auto" }, visible(each.recommendation, 500)),
    each.findings.length > 0 && h("p", { class: "parts" }, each.findings.flatMap((found) => [h("span", {}, words(found.pattern)), ...figures(found.figures)]))))));
}

/** The numbers behind a finding, as far as they are numbers. */
const figures = (found) => Object.entries(found).filter(([, value]) => typeof value === "number")
  .map(([key, value]) => h("span", {}, `${words(key)} ${number(Math.round(value * 1000) / 1000)}`));

/** As high as its calls need. */
const heightOf = (calls) => Math.min(innerWidth < 600 ? 520 : 400, 150 + 34 * new Set(calls.map((call) => call.callee)).size);

const CALLS_MAX = 30;

function callTable(calls) {
  return h("details", {}, h("summary", {}, "The calls as a table"), table("Calls", [
    { label: "Caller", wide: true, sort: (each) => each.caller, value: (each) => name(each.caller) },
    { label: "Calls", wide: true, sort: (each) => each.callee, value: (each) => name(each.callee) },
    { label: "Times", number: true, sort: (each) => each.callCount, value: (each) => (each.observed ? number(each.callCount) : "–") },
    { label: "Tokens below", number: true, hint: "spent by what is called, and by what that calls", sort: (each) => each.totalTokens, value: (each) => (each.observed ? number(each.totalTokens) : "–") },
    { label: "A call", number: true, hint: "tokens a call", value: (each) => (each.observed ? number(each.avgTokensPerCall) : "–") },
    { label: "Takes", number: true, hint: "in the mean", sort: (each) => each.avgDurationMs, value: (each) => duration(each.avgDurationMs) },
    { label: "Known from", value: (each) => [each.observed && "spans", each.static && `source (${words(each.foundBy)})`].filter(Boolean).join(", ") },
  ], calls.slice(0, CALLS_MAX), { href: (each) => address("code", [], { ...kept(), function: each.caller }) }));
}

function drawCalls({ calls, chosen }, size) {
  const weights = new Map();
  for (const call of calls) {
    weights.set(call.callee, Math.max(weights.get(call.callee) ?? 0, call.totalTokens));
    weights.set(call.caller, Math.max(weights.get(call.caller) ?? 0, call.totalTokens));
  }
  const kept = new Set([...weights.keys()].sort((one, other) => weights.get(other) - weights.get(one)).slice(0, NODES_MAX));
  if (chosen && weights.has(chosen)) kept.add(chosen);
  const edges = calls.filter((call) => kept.has(call.caller) && kept.has(call.callee) && call.caller !== call.callee);
  const nodes = [...kept];
  const places = columns(nodes, edges.map((call) => ({ from: call.caller, to: call.callee })), chosen ? [chosen] : []);
  const biggest = Math.max(...weights.values(), 1);
  const isNarrow = size.width < 600;
  const room = isNarrow ? 80 : 150;
  // on a phone from top to bottom
  const place = ({ x, y }) => (isNarrow ? { x: y * size.width, y: x * size.height } : { x: x * size.width, y: y * size.height });
  return {
    tooltip: tooltip({ formatter: ({ dataType, data }) => (dataType === "edge"
      ? `${label(data.call.caller, 60)} → ${label(data.call.callee, 60)}\n${number(data.call.totalTokens)} tokens below, ${number(data.call.callCount)} calls\n${data.call.observed ? "seen in spans" : "read from the source"}`
      : `${label(data.function, 80)}\n${number(weights.get(data.function))} tokens`) }),
    series: [{
      type: "graph", layout: "none", roam: true, left: "center", top: "middle", width: size.width - room - 8, height: size.height * 0.8, preserveAspect: true, edgeSymbol: ["none", "arrow"], edgeSymbolSize: 7, emphasis: { focus: "adjacency" },
      label: { show: true, position: "bottom", color: colour("ink"), fontSize: 11, textBorderColor: colour("surface"), textBorderWidth: 3, width: room, overflow: "truncate",
        formatter: ({ data }) => label(data.function.split(".").slice(-2).join("."), 40) },
      data: nodes.map((id) => ({ id, name: label(id, 60), function: id, ...place(places.get(id)), symbolSize: 8 + 22 * Math.sqrt(weights.get(id) / biggest),
        itemStyle: { color: id === chosen ? colour("series-3") : colour("series-1") } })),
      links: edges.map((call) => ({ source: call.caller, target: call.callee, call, lineStyle: { color: colour("muted"), curveness: 0.1, width: 1 + 4 * Math.sqrt(call.totalTokens / biggest), type: call.observed ? "solid" : "dashed", opacity: 0.7 } })),
    }],
  };
}

function functionTable(data) {
  const all = data.highTokenFunctions.reduce((sum, each) => sum + each.totalTokens, 0) || 1;
  return card("Functions by tokens", { about: "as spans tell them" }, table("Functions by tokens", [
    { label: "Function", wide: true, sort: (each) => each.qualifiedName, value: (each) => name(each.qualifiedName || each.filePath) },
    { label: "File", wide: true, value: (each) => name(each.filePath, { most: 60 }) },
    { label: "Runs", number: true, sort: (each) => each.callCount, value: (each) => number(each.callCount) },
    { label: "LLM calls", number: true, sort: (each) => each.llmCalls, value: (each) => number(each.llmCalls) },
    { label: "Errors", number: true, sort: (each) => each.errors, value: (each) => (each.errors ? badge(number(each.errors), "bad") : "0") },
    { label: "Tokens", number: true, sort: (each) => each.totalTokens, value: (each) => h("span", { title: `${exact(each.inputTokens)} in, ${exact(each.outputTokens)} out` }, number(each.totalTokens)) },
    { label: "Share of tokens", silent: true, spare: true, value: (each) => share(each.totalTokens / all) },
    { label: "With callees", number: true, hint: "tokens of it and of all that it calls", sort: (each) => each.cumulativeTokens, value: (each) => number(each.cumulativeTokens) },
    { label: "A run", number: true, hint: "tokens a run", sort: (each) => each.avgTokensPerCall, value: (each) => number(each.avgTokensPerCall) },
    { label: "Takes", number: true, hint: "in the mean", sort: (each) => each.avgDurationMs, value: (each) => duration(each.avgDurationMs) },
    { label: "Cost", number: true, sort: (each) => each.costUsd, value: (each) => money(each.costUsd) },
  ], data.highTokenFunctions, { href: (each) => address("code", [], { ...kept(), function: each.qualifiedName }), key: (each) => each.qualifiedName, current: (each) => each.qualifiedName === data.chosen,
    empty: "No span in this window says which function made it; otel_llmops.AgentSpanProcessor does." }));
}
