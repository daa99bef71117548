// What holds sessions up, most first: a share of the critical path, the cause, and what to do.

import { ask } from "./api.js";
import { axes, colour, label, nameAxis, picture, tooltip } from "./charts.js";
import { address, badge, card, empty, facts, fill, h, name, share, visible } from "./dom.js";
import { duration, number, percent, tick, words } from "./format.js";

const QUERY = `query Bottlenecks($since: DateTime, $least: Severity) {
  bottlenecks(since: $since, minSeverity: $least, limit: 30) { agent operation severity cause model tool criticalPathShare impact selfTimeMs waitMs pathMsP50 pathMsP95
    usualMs serialMs occurrences calls pathCalls errors retries
    inputTokensPerCall outputTokensPerCall usualInputTokens tokenShare errorRate savingMsLow savingMsHigh recommendation exampleTraceId exampleSpanId traceUrl }
}`;
const LEVELS = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];
const TONES = { CRITICAL: "bad", HIGH: "bad", MEDIUM: "fair", LOW: "" };
const BARS = 15;
const CARDS = 10;

export const bottlenecks = {
  title: "Bottlenecks",
  pictures: true,

  async load(at, signal) {
    const least = LEVELS.includes(at.given.get("least")) ? at.given.get("least") : null;
    return { least, ...(await ask(QUERY, { since: at.since, least }, signal)) };
  },

  mount(root, { go }) {
    let latest = null;
    const bars = picture("Time on the critical path", { draw: drawBars, height: 320, files: { JSON: () => latest.bottlenecks },
      described: "Bars: time by itself and time waited, by agent and operation" });
    const frame = card("Time on the critical path", { about: "Mean over the sessions in which each was found: what ran, and what was waited for", tools: bars.tools }, bars.node);
    const list = h("div", { class: "stack", role: "group", "aria-label": "Bottlenecks" });
    const levels = h("div", { class: "tabs", role: "group", "aria-label": "Least severity" });
    const rest = h("p", {});
    root.append(h("h1", { class: "visually-hidden" }, "Bottlenecks"), levels, frame, list, rest);
    return (data, at) => {
      latest = data;
      fill(levels, LEVELS.map((level) => h("button", { type: "button", "data-key": level, "aria-pressed": String((data.least ?? "LOW") === level),
        onclick: () => go({ least: level === "LOW" ? null : level }) }, level === "LOW" ? "all" : `${words(level)} and worse`.replace("critical and worse", "critical"))));
      frame.hidden = !data.bottlenecks.length;
      if (!data.bottlenecks.length) {
        fill(rest);
        return fill(list, empty(`Nothing${data.least ? ` ${words(data.least)} or worse` : ""} holds sessions up${at.since ? ` in the last ${at.window}` : ""}`,
          "A bottleneck is what the end of a session waits for: a slow model or tool, calls one after the other, retries. It appears a second or two after the first session that has one.",
          h("p", {}, data.least && h("button", { type: "button", onclick: () => go({ least: null }) }, "Show every severity"), " ",
            at.since && h("button", { type: "button", onclick: () => go({ window: "all" }) }, "Show all time"))));
      }
      bars.update(data.bottlenecks.slice(0, BARS), { tall: 70 + Math.min(BARS, data.bottlenecks.length) * 30 });
      const shown = at.given.get("all") ? data.bottlenecks : data.bottlenecks.slice(0, CARDS);
      fill(list, shown.map(drawOne));
      fill(rest, shown.length < data.bottlenecks.length && h("button", { type: "button", "data-key": "rest", onclick: () => go({ all: "1" }) }, `Show the other ${data.bottlenecks.length - shown.length}`));
    };
  },
};

const titleOf = (each) => [each.agent || "(no agent)", each.tool || each.model || each.operation].filter(Boolean).join(" · ");

function drawBars(rows, size) {
  const shown = [...rows].reverse();
  const { axis, left } = nameAxis(shown.map((each) => label(`${titleOf(each)}, ${words(each.cause)}`, 70)), size.width, { lines: 2 });
  return {
    grid: { left, right: 28, top: 30, bottom: 24 },
    legend: { top: 0, right: 0, itemWidth: 10, itemHeight: 10, textStyle: { color: colour("muted") } },
    color: [colour("series-1"), colour("series-3")],
    xAxis: axes.value(tick, ""),
    yAxis: axis,
    tooltip: tooltip({ trigger: "axis", axisPointer: { type: "shadow" }, valueFormatter: duration }),
    series: [
      { type: "bar", stack: "time", name: "runs", barMaxWidth: 16, data: shown.map((each) => each.selfTimeMs) },
      { type: "bar", stack: "time", name: "waits", barMaxWidth: 16, data: shown.map((each) => each.waitMs) },
    ],
  };
}

/** From low to high, or one where they are the same. */
function range(low, high, shown) {
  return shown(low) === shown(high) ? shown(high) : `${shown(low)} to ${shown(high)}`;
}

function drawOne(each) {
  const usual = (value, shown) => (value === null ? "" : `, usual ${shown(value)}`);
  return h("article", { class: "card" },
    h("div", { class: "card-head" },
      h("div", {}, h("h2", {}, name(titleOf(each), { most: 200 })), h("p", { class: "about" }, words(each.cause))),
      h("div", { class: "card-tools" }, badge(words(each.severity), TONES[each.severity]))),
    h("p", { class: "recommendation", dir: "auto" }, visible(each.recommendation, 500)),
    facts(["Of the critical path", [percent(each.criticalPathShare), " ", share(each.criticalPathShare, { tone: TONES[each.severity] })]],
      ["Could save a session", range(each.savingMsLow, each.savingMsHigh, duration)],
      ["Impact", h("span", { class: "hinted", title: "what its cause costs, as a share of the session; the severity follows from it" }, percent(each.impact))],
      ["Runs", duration(each.selfTimeMs)], ["Waits", each.waitMs > 0 && duration(each.waitMs)],
      ["Takes of a session", each.pathMsP50 !== null && `${duration(each.pathMsP50)} median, ${duration(each.pathMsP95)} p95`],
      ["A call takes", each.usualMs !== null && `${duration((each.selfTimeMs * each.occurrences) / Math.max(1, each.pathCalls))}${usual(each.usualMs, duration)}`],
      ["One after the other", each.serialMs > 0 && duration(each.serialMs)],
      ["Sessions", number(each.occurrences)], ["Calls", `${number(each.calls)}, ${number(each.pathCalls)} on the path`],
      ["Errors", `${number(each.errors)} (${percent(each.errorRate)})${each.retries ? `, ${number(each.retries)} tried again` : ""}`],
      ["Tokens a call", each.inputTokensPerCall + each.outputTokensPerCall > 0 && `${number(each.inputTokensPerCall)} in${usual(each.usualInputTokens, number)}, ${number(each.outputTokensPerCall)} out`],
      ["Share of tokens", each.tokenShare > 0 && percent(each.tokenShare)],
      ["Example", [h("a", { href: address("session", [each.exampleTraceId], { span: each.exampleSpanId }) }, "session"),
        each.traceUrl && [" · ", h("a", { href: each.traceUrl, target: "_blank", rel: "noopener noreferrer" }, "Jaeger ↗")]]]));
}
