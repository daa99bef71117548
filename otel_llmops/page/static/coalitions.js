// Which sets of agents solve which tasks together, and how sure that is.

import { ask } from "./api.js";
import { colour, label, picture, tooltip, axes } from "./charts.js";
import { badge, card, code, empty, fill, h, name, table, visible } from "./dom.js";
import { duration, exact, number, percent } from "./format.js";

const QUERY = `query Coalitions($task: String) {
  coalitions(taskType: $task, limit: 200) { agents taskType sessions successes successRate successRateLow baseRate lift avgTokens avgDurationMs exact pValue community recommended avoid }
}`;
const SHOWN_MAX = 50;
const DOTS = 14;
const TABS_MAX = 10;

export const coalitions = {
  title: "Coalitions",

  async load(at, signal) {
    const task = at.given.get("task");
    const data = await ask(QUERY, { task }, signal);
    return { ...data, task };
  },

  mount(root, { go }) {
    let latest = null;
    const tasks = new Set();
    const dots = picture("Success of teams", { draw: drawRates, files: { JSON: () => latest.coalitions }, height: 360,
      described: "For each team its success rate as a dot and how low it may truly be as a line" });
    const tabs = h("div", { class: "tabs", role: "group", "aria-label": "Task" });
    const frame = card("How often teams succeed", { about: "Dot: what was seen. Line: down to what it may truly be (95 %). Grey mark: everybody else.", tools: dots.tools }, dots.node);
    const list = h("div", {});
    root.append(h("h1", { class: "visually-hidden" }, "Coalitions"), tabs, frame, list);
    return (data) => {
      latest = data;
      data.coalitions.forEach((each) => each.taskType && tasks.add(each.taskType));
      const tab = (text, value) => h("button", { type: "button", "data-key": `task ${text}`, "aria-pressed": String(data.task === value), onclick: () => go({ task: value }) }, name(text, { most: 40 }));
      fill(tabs, tasks.size > TABS_MAX ? chooser(tasks, data.task, go) : tasks.size > 0 && [tab("all tasks", null), ...[...tasks].sort().map((each) => tab(each, each))]);
      const shown = data.coalitions.slice(0, SHOWN_MAX);
      frame.hidden = !shown.length;
      if (!shown.length) {
        return fill(list, empty("No coalitions yet", "A coalition is a set of agents that solve tasks together, better than others or worse. It takes some sessions of each, and a word on how each ended; say it where you know it:",
          code("span.set_attribute(\"llmops.task.type\", \"refund\")\nspan.set_attribute(\"llmops.task.success\", True)")));
      }
      const most = [...shown].sort((one, other) => other.sessions - one.sessions).slice(0, DOTS).sort((one, other) => other.successRateLow - one.successRateLow);
      dots.update(most, { tall: 60 + most.length * 30 });
      fill(list, card("Teams", { about: "recommended ones first" }, table("Teams", [
        { label: "Agents", wide: true, value: (each) => name(each.agents.join(", "), { most: 300 }) },
        { label: "Task", value: (each) => (each.taskType ? name(each.taskType, { most: 60 }) : "–") },
        { label: "", value: (each) => (each.recommended ? badge("recommended", "good") : each.avoid ? badge("avoid", "bad") : null) },
        { label: "Sessions", number: true, value: (each) => number(each.sessions) },
        { label: "Success", number: true, value: (each) => percent(each.successRate) },
        { label: "At least", number: true, hint: "lower bound at 95 %", value: (each) => percent(each.successRateLow) },
        { label: "Others", number: true, value: (each) => percent(each.baseRate) },
        { label: "Lift", number: true, hint: "how much oftener they meet than by chance", value: (each) => (each.lift >= 1000 ? `×${number(each.lift)}` : `×${each.lift.toFixed(1)}`) },
        { label: "Tokens", number: true, value: (each) => number(each.avgTokens) },
        { label: "Takes", number: true, value: (each) => duration(each.avgDurationMs) },
      ], shown)));
    };
  },
};

function chooser(tasks, task, go) {
  return h("select", { "aria-label": "Task", "data-key": "task", onchange: (event) => go({ task: event.target.value || null }) },
    h("option", { value: "" }, "all tasks"), [...tasks].sort().map((each) => h("option", { value: each, selected: each === task }, visible(each, 60))));
}

function drawRates(rows) {
  const shown = [...rows].reverse();
  const narrow = innerWidth < 600;
  const tone = (each) => (each.recommended ? colour("good") : each.avoid ? colour("bad") : colour("series-1"));
  return {
    grid: { left: 8, right: 24, top: 8, bottom: 4, containLabel: true },
    xAxis: { ...axes.value((value) => percent(value)), min: 0, max: 1 },
    yAxis: { type: "category", data: shown.map((each) => label(`${each.agents.join(", ")}${each.taskType ? ` · ${each.taskType}` : ""}`, narrow ? 22 : 60)), axisTick: { show: false },
      axisLine: { show: false }, axisLabel: { color: colour("ink"), width: narrow ? 140 : 380, overflow: "truncate" } },
    tooltip: tooltip({ formatter: ({ dataIndex }) => {
      const each = shown[dataIndex];
      return `${label(each.agents.join(", "), 80)}\n${percent(each.successRate)} of ${exact(each.sessions)} sessions\nat least ${percent(each.successRateLow)}; others ${percent(each.baseRate)}`;
    } }),
    series: [
      { type: "bar", stack: "rate", silent: true, itemStyle: { color: "transparent" }, barWidth: 4, data: shown.map((each) => each.successRateLow) },
      { type: "bar", stack: "rate", silent: true, barWidth: 4, data: shown.map((each) => ({ value: Math.max(0, each.successRate - each.successRateLow), itemStyle: { color: tone(each), opacity: 0.35, borderRadius: 2 } })) },
      { type: "scatter", symbolSize: 12, data: shown.map((each, place) => ({ value: [each.successRate, place], itemStyle: { color: tone(each) } })) },
      { type: "scatter", symbol: "rect", symbolSize: [2, 14], silent: true, itemStyle: { color: colour("muted") }, data: shown.flatMap((each, place) => (each.baseRate === null ? [] : [[each.baseRate, place]])) },
    ],
  };
}
