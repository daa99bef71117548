// What was spent and what went wrong over time, and how that differs from the window before.

import { ask } from "./api.js";
import { axes, colour, picture, series, tooltip } from "./charts.js";
import { address, badge, card, code, empty, fill, h, name, s, share, table, visible, when } from "./dom.js";
import { change, duration, moment, money, number, tick } from "./format.js";

const POINT = "at sessions handoffs llmCalls errors inputTokens outputTokens costUsd latencyMsP95";
const QUERY = `query Overview($since: DateTime, $buckets: Int) { now: usage(since: $since, buckets: $buckets) { ${POINT} } }`;
const MORE = `query More($since: DateTime, $twice: DateTime, $buckets: Int, $isWindow: Boolean!) {
  before: usage(since: $twice, until: $since, buckets: $buckets) @include(if: $isWindow) { ${POINT} }
  agents(since: $since, limit: 6) { name totalTokens costUsd errors latencyMsP95 }
  sessions(since: $since, limit: 6) { sessionId startedAt durationMs inputTokens outputTokens errors }
  bottlenecks(since: $since, minSeverity: HIGH, limit: 3) { severity recommendation }
}`;
const NEWEST = "{ sessions(limit: 1) { startedAt } }";
const BUCKETS = 60;
const FIRST = "2015-01-01T00:00:00Z";
const ROUNDS = 4;
const BEGUN_MS = 60_000;

// where the time begins that is shown as all of it: found anew each minute, since something older may come
let begun = { asked: 0, since: FIRST };

const total = (points, key) => points.reduce((all, point) => all + (point[key] ?? 0), 0);
const most = (points, key) => points.reduce((all, point) => Math.max(all, point[key] ?? 0), 0) || null;
const priced = (points) => (points.some((point) => point.costUsd !== null) ? total(points, "costUsd") : null);
const both = (points) => total(points, "inputTokens") + total(points, "outputTokens");

const TILES = [
  { title: "Tokens", of: both, point: (each) => each.inputTokens + each.outputTokens, shown: number, worse: 0 },
  { title: "Cost", of: priced, point: (each) => each.costUsd, shown: money, worse: 1 },
  { title: "Sessions", of: (points) => total(points, "sessions"), point: (each) => each.sessions, shown: number, worse: 0 },
  { title: "LLM calls", of: (points) => total(points, "llmCalls"), point: (each) => each.llmCalls, shown: number, worse: 0 },
  { title: "Errors", of: (points) => total(points, "errors"), point: (each) => each.errors, shown: number, worse: 1 },
  { title: "Slowest p95", of: (points) => most(points, "latencyMsP95"), point: (each) => each.latencyMsP95, shown: duration, worse: 1,
    about: "The 95th percentile of how long agents took, in the worst step of the window" },
];

export const overview = {
  title: "Overview",
  pictures: true,

  async load(at, signal) {
    const data = at.since ? await usageSince(at.since, signal) : await usageOfAllTime(signal);
    const isEmpty = !total(data.now, "sessions") && !both(data.now);
    if (isEmpty) data.newest = (await ask(NEWEST, {}, signal)).sessions[0]?.startedAt ?? null;
    // asked for when the figures are there, which is what one opens the page for
    return { ...data, isEmpty, more: () => ask(MORE, { since: at.since, twice: at.twice, buckets: BUCKETS, isWindow: Boolean(at.since) }, signal) };
  },

  mount(root, { go }) {
    const tiles = h("div", { class: "tiles" });
    const over = {
      tokens: picture("Tokens over time", { draw: drawTokens, files: { JSON: () => latest.now }, described: "Input and output tokens over time, stacked bars" }),
      trouble: picture("Latency and errors over time", { draw: drawTrouble, files: { JSON: () => latest.now }, described: "The 95th percentile of latency as a line, errors as bars" }),
    };
    const lists = h("div", { class: "columns" });
    const advice = h("div", {});
    const body = h("div", {}, tiles,
      h("div", { class: "columns" },
        card("Tokens over time", { tools: over.tokens.tools, about: "what went into models, and what came out" }, over.tokens.node),
        card("Latency and errors", { tools: over.trouble.tools, about: "p95 of agents, and failed operations" }, over.trouble.node)),
      lists, advice);
    const nothing = h("div", {});
    root.append(h("h1", { class: "visually-hidden" }, "Overview"), nothing, body);
    let latest = null;
    let before = { window: null, points: null };
    return async (data, at) => {
      latest = data;
      if (before.window !== at.window) before = { window: at.window, points: null };
      body.hidden = data.isEmpty;
      fill(nothing, data.isEmpty && whatToDo(data, at, go));
      if (data.isEmpty) return;
      fill(tiles, TILES.map((tile) => drawTile(tile, data.now, before.points, at)));
      over.tokens.update(data.now);
      over.trouble.update(data.now);
      const more = await data.more();
      before.points = more.before ?? null;
      fill(tiles, TILES.map((tile) => drawTile(tile, data.now, before.points, at)));
      fill(lists, ...drawLists(more, at));
      fill(advice, drawAdvice(more, at));
    };
  },
};

const usageSince = (since, signal) => ask(QUERY, { since, buckets: BUCKETS }, signal);

/** Of all time: as long as most of it is empty steps before anything happened, asked again from the first that is not. */
async function usageOfAllTime(signal) {
  if (Date.now() - begun.asked > BEGUN_MS) begun = { asked: Date.now(), since: FIRST };
  for (let round = 0; ; round += 1) {
    const data = await usageSince(begun.since, signal);
    const first = data.now.findIndex((point) => point.sessions || point.inputTokens || point.llmCalls);
    if (first < BUCKETS / 4 || round === ROUNDS) return data;
    begun.since = data.now[first - 1].at;
  }
}

function whatToDo(data, at, go) {
  if (data.newest) {
    return empty(`Nothing in the last ${at.window}`, `The newest session began ${moment(data.newest)}.`,
      h("p", {}, h("button", { type: "button", onclick: () => go({ window: "all" }) }, "Show all time")));
  }
  return empty("Waiting for the first span", "Point any OpenTelemetry exporter here, and this page fills by itself:",
    code(`OTEL_EXPORTER_OTLP_ENDPOINT=http://${location.hostname}:4317 python your_app.py`),
    h("p", {}, "No application at hand? A support desk of four agents, which needs no key and no network:"),
    code(`OTEL_EXPORTER_OTLP_ENDPOINT=http://${location.hostname}:4317 python -m otel_llmops.demo`));
}

/** `before` is null where there is no window before, or it has not been told yet. */
function drawTile(tile, now, before, at) {
  const value = tile.of(now);
  const moved = before && value !== null && change(value, tile.of(before) ?? 0, tile.worse);
  return h("div", { class: "tile", title: tile.about || false },
    h("h2", {}, tile.title),
    h("p", { class: "figure" }, tile.shown(value)),
    at.since && h("p", { class: `moved ${moved?.tone ?? ""}` }, moved ? [moved.text, h("span", {}, `${moved.text === "new" ? ", none in" : " on"} the ${at.window} before`)] : "\u00a0"),
    spark(now.map(tile.point)));
}

const SPARK = { width: 120, height: 28 };

function spark(values) {
  const top = Math.max(...values.map((value) => value ?? 0), 1e-12);
  const x = (place) => (place / Math.max(1, values.length - 1)) * SPARK.width;
  const y = (value) => SPARK.height - 2 - ((value ?? 0) / top) * (SPARK.height - 4);
  const line = values.map((value, place) => `${place ? "L" : "M"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  return s("svg", { class: "spark", viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    s("path", { class: "area", d: `${line}L${SPARK.width} ${SPARK.height}L0 ${SPARK.height}Z` }),
    s("path", { class: "line", d: line, "vector-effect": "non-scaling-stroke" }));
}

const legend = () => ({ top: 0, right: 0, itemWidth: 10, itemHeight: 10, icon: "roundRect", textStyle: { color: colour("muted"), fontSize: 12 } });
const grid = { left: 8, right: 8, top: 46, bottom: 4, containLabel: true };

function drawTokens(points) {
  const bars = (title, key) => ({
    type: "bar", name: title, stack: "tokens", barMaxWidth: 18, barCategoryGap: "25%",
    data: points.map((point) => [point.at, point[key]]), emphasis: { focus: "series" },
  });
  return {
    color: [series()[0], series()[1]],
    grid, legend: legend(), xAxis: axes.time(), yAxis: axes.value(number, "tokens"),
    tooltip: tooltip({ trigger: "axis", axisPointer: { type: "shadow" }, valueFormatter: number }),
    series: [bars("input", "inputTokens"), bars("output", "outputTokens")],
  };
}

/** Whether no line leads to this point: in the steps beside it nothing ran. */
const isAlone = (points, place) => [place - 1, place + 1].every((other) => (points[other]?.latencyMsP95 ?? null) === null);

function drawTrouble(points) {
  // few errors are low bars: a window with one error is not red from top to bottom
  const top = 2 * Math.ceil(Math.max(4, most(points, "errors") * 1.5) / 2);
  return {
    color: [series()[4], colour("bad")],
    grid, legend: legend(), xAxis: axes.time(),
    yAxis: [axes.value(tick, "p95"), { ...axes.value(number, "errors"), splitLine: { show: false }, max: top, interval: top / 2 }],
    tooltip: tooltip({ trigger: "axis" }),
    series: [
      { type: "line", name: "p95", symbol: "circle", symbolSize: (_, { dataIndex }) => (isAlone(points, dataIndex) ? 6 : 0), connectNulls: false, lineStyle: { width: 2 }, areaStyle: { opacity: 0.12 },
        data: points.map((point) => [point.at, point.latencyMsP95]), tooltip: { valueFormatter: duration } },
      { type: "bar", name: "errors", yAxisIndex: 1, barMaxWidth: 10, data: points.map((point) => [point.at, point.errors]), tooltip: { valueFormatter: number } },
    ],
  };
}

const TONES = { CRITICAL: "bad", HIGH: "bad", MEDIUM: "fair", LOW: "" };

function drawLists(data, at) {
  const kept = { window: at.given.get("window") };
  const tokens = data.agents.reduce((all, agent) => all + agent.totalTokens, 0) || 1;
  return [
    card("Agents", { about: "most tokens first", tools: h("a", { href: address("agents", [], kept) }, "All agents") },
      table("Agents by tokens", [
        { label: "Agent", wide: true, value: (agent) => name(agent.name) },
        { label: "Tokens", number: true, value: (agent) => number(agent.totalTokens) },
        { label: "Share of tokens", silent: true, spare: true, value: (agent) => share(agent.totalTokens / tokens) },
        { label: "Cost", number: true, value: (agent) => money(agent.costUsd) },
        { label: "p95", number: true, value: (agent) => duration(agent.latencyMsP95) },
        { label: "Errors", number: true, value: (agent) => (agent.errors ? badge(number(agent.errors), "bad") : "0") },
      ], data.agents, { href: (agent) => address("agents", [], { ...kept, agent: agent.name }), key: (agent) => `agent ${agent.name}` })),
    card("Newest sessions", { tools: h("a", { href: address("sessions", [], kept) }, "All sessions") },
      table("Newest sessions", [
        { label: "Session", wide: true, value: (each) => name(each.sessionId) },
        { label: "Began", value: (each) => when(each.startedAt) },
        { label: "Took", number: true, value: (each) => duration(each.durationMs) },
        { label: "Tokens", number: true, value: (each) => number(each.inputTokens + each.outputTokens) },
        { label: "Errors", number: true, value: (each) => (each.errors ? badge(number(each.errors), "bad") : "0") },
      ], data.sessions, { href: (each) => address("session", [each.sessionId]), key: (each) => `session ${each.sessionId}` })),
  ];
}

function drawAdvice(data, at) {
  if (!data.bottlenecks.length) return null;
  return card("What holds sessions up", { tools: h("a", { href: address("bottlenecks", [], { window: at.given.get("window") }) }, "All bottlenecks") },
    h("ul", { class: "advice" }, data.bottlenecks.map((each) => h("li", {},
      badge(each.severity.toLowerCase(), TONES[each.severity]), " ", h("bdi", {}, visible(each.recommendation, 500))))));
}
