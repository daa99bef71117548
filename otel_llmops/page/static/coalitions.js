// Which sets of agents solve which tasks together, and how sure that is.

import { ask } from "./api.js";
import { axes, colour, label, nameAxis, picture, tooltip } from "./charts.js";
import { badge, card, code, empty, fill, h, name, table, visible } from "./dom.js";
import { duration, exact, number, percent } from "./format.js";

const QUERY = `query Coalitions($task: String, $since: DateTime) {
  coalitions(taskType: $task, since: $since, limit: 200) { agents taskType sessions successes successRate successRateLow baseRate lift avgTokens avgDurationMs exact pValue community recommended avoid }
}`;
const SHOWN_MAX = 50;
const DOTS = 14;
const TABS_MAX = 10;

export const coalitions = {
  title: "Coalitions",
  pictures: true,

  async load(at, signal) {
    const task = at.given.get("task");
    const data = await ask(QUERY, { task, since: at.since }, signal);
    return { ...data, task };
  },

  mount(root, { go }) {
    let latest = null;
    const tasks = new Set();
    const dots = picture("Success of teams", { draw: drawRates, files: { JSON: () => latest.coalitions }, height: 360,
      described: "For each team its success rate as a dot and how low it may truly be as a line" });
    const tabs = h("div", { class: "tabs", role: "group", "aria-label": "Task" });
    const frame = card("How often teams succeed", { about: "Dot: what was seen. Line: down to what it may truly be (95%). Grey mark: everybody else.", tools: dots.tools }, dots.node);
    const list = h("div", {});
    root.append(h("h1", { class: "visually-hidden" }, "Coalitions"), tabs, frame, list);
    return (data, at) => {
      latest = data;
      data.coalitions.forEach((each) => each.taskType && tasks.add(each.taskType));
      const tab = (text, value) => h("button", { type: "button", "data-key": `task ${text}`, "aria-pressed": String(data.task === value), onclick: () => go({ task: value }) }, name(text, { most: 40 }));
      fill(tabs, tasks.size > TABS_MAX ? chooser(tasks, data.task, go) : tasks.size > 0 && [tab("all tasks", null), ...[...tasks].sort().map((each) => tab(each, each))]);
      const shown = data.coalitions.slice(0, SHOWN_MAX);
      frame.hidden = !shown.length;
      if (!shown.length) {
        return fill(list, empty(at.since ? `No coalitions in the last ${at.window}` : "No coalitions yet", "A coalition is a set of agents that solve tasks together, better than others or worse. It takes some sessions of each, and a word on how each ended; say it where you know it:",
          code("span.set_attribute(\"llmops.task.type\", \"refund\")\nspan.set_attribute(\"llmops.task.success\", True)"),
          at.since && h("p", {}, h("button", { type: "button", onclick: () => go({ window: "all" }) }, "Show all time"))));
      }
      const most = [...shown].sort((one, other) => other.sessions - one.sessions).slice(0, DOTS).sort((one, other) => other.successRateLow - one.successRateLow);
      dots.update(most, { tall: 60 + most.length * 44 });
      fill(list, card("Teams", { about: "recommended ones first" }, table("Teams", [
        { label: "Agents", wide: true, whole: true, value: (each) => name(each.agents.join(", "), { most: 200 }) },
        { label: "Task", value: (each) => (each.taskType ? name(each.taskType, { most: 60 }) : "–") },
        { label: "Advice", silent: true, value: (each) => (each.recommended ? badge("recommended", "good") : each.avoid ? badge("avoid", "bad") : null) },
        { label: "Sessions", number: true, hint: "of exactly these agents, or of these and others", sort: (each) => each.sessions, value: (each) => `${number(each.sessions)}${each.exact ? "" : " +"}` },
        { label: "Success", number: true, sort: (each) => each.successRate, value: (each) => h("span", { title: `${exact(each.successes)} of ${exact(each.sessions)}` }, percent(each.successRate)) },
        { label: "At least", number: true, hint: "lower bound at 95%", value: (each) => percent(each.successRateLow) },
        { label: "Others", number: true, hint: "how often others succeed with the same task", value: (each) => percent(each.baseRate) },
        { label: "By chance", number: true, hint: "how likely it would differ so much from the others by chance (p value)", sort: (each) => each.pValue, value: (each) => chance(each.pValue) },
        { label: "Lift", number: true, hint: "how much oftener they meet than by chance", sort: (each) => each.lift, value: (each) => (each.lift >= LIFT_MAX ? `> ×${LIFT_MAX}` : `×${each.lift.toFixed(1)}`) },
        { label: "Group", hint: "whether they hand over among themselves more than to others", value: (each) => (each.community ? "yes" : "no") },
        { label: "Tokens", number: true, hint: "a session, in the mean", sort: (each) => each.avgTokens, value: (each) => number(each.avgTokens) },
        { label: "Takes", number: true, hint: "a session, in the mean", sort: (each) => each.avgDurationMs, value: (each) => duration(each.avgDurationMs) },
      ], shown)));
    };
  },
};

/** Agents that meet once only meet infinitely oftener than by chance. */
const LIFT_MAX = 100;
const chance = (value) => (value === null ? "–" : value < 0.001 ? "< 0.1%" : percent(value, 1));

function chooser(tasks, task, go) {
  return h("select", { "aria-label": "Task", "data-key": "task", onchange: (event) => go({ task: event.target.value || null }) },
    h("option", { value: "" }, "all tasks"), [...tasks].sort().map((each) => h("option", { value: each, selected: each === task }, visible(each, 60))));
}

function drawRates(rows, size) {
  const shown = [...rows].reverse();
  const { axis, left } = nameAxis(shown.map((each) => label(`${each.taskType ? `${each.taskType}: ` : ""}${each.agents.join(", ")}`, 120)), size.width, { lines: 3 });
  const tone = (each) => (each.recommended ? colour("good") : each.avoid ? colour("bad") : colour("series-1"));
  return {
    grid: { left, right: 24, top: 8, bottom: 24 },
    xAxis: { ...axes.value((value) => percent(value)), min: 0, max: 1, interval: 0.25 },
    yAxis: axis,
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
