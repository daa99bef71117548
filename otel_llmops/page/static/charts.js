// Pictures: Apache ECharts, loaded once and only when a picture is shown. Labels and tooltips are drawn
// on the canvas (renderMode "richText"), so that nothing in them is HTML.

import { fill, h, visible } from "./dom.js";

const drawn = new Set();
let library = null;

/** ECharts, or null where it was not built. */
export function charts() {
  library ??= import("./vendor/echarts.js").catch(() => null);
  return library;
}

const style = () => getComputedStyle(document.documentElement);
export const colour = (key) => style().getPropertyValue(`--${key}`).trim();
export const series = () => Array.from({ length: 8 }, (_, place) => colour(`series-${place + 1}`));

/** The colour of a quality from 0 (bad) to 1 (good). */
export function quality(value) {
  const steps = ["bad", "fair", "good"].map(colour);
  if (value === null || value === undefined) return colour("muted");
  return value < 0.5 ? steps[0] : value < 0.8 ? steps[1] : steps[2];
}

/** Options that all pictures share. */
function common() {
  return {
    // what is drawn anew with all that arrives would never come to rest
    animation: false,
    color: series(),
    textStyle: { fontFamily: style().fontFamily, color: colour("ink") },
    tooltip: tooltip(),
  };
}

export const tooltip = (more = {}) => ({
  renderMode: "richText",
  confine: true,
  backgroundColor: colour("surface"),
  borderColor: colour("line"),
  textStyle: { color: colour("ink"), fontSize: 12 },
  ...more,
});

/** Text for a picture: one line, and short. */
export const label = (text, most = 28) => visible(text, most);

/**
 * A picture in a frame: `draw(data, {width, height})` gives ECharts options. Beside it, what can be taken away:
 * `files` is {label: () => document}, and PNG. Returns {node, update(data)}.
 */
export function picture(title, { draw, height = 280, files = {}, described, chosen }) {
  const canvas = h("div", { class: "chart", role: "img", "aria-label": described ?? title, vars: { "--height": `${height}px` } });
  let data = null;
  let chart = null;
  let size = "";
  const sizeNow = () => `${canvas.clientWidth} × ${canvas.clientHeight}`;
  // a hidden picture has no size, and is drawn as soon as it has one
  const redraw = () => {
    if (!canvas.clientWidth || !data || !chart) return;
    if (size !== sizeNow()) chart.resize();
    size = sizeNow();
    chart.setOption({ ...common(), ...draw(data, { width: canvas.clientWidth, height: canvas.clientHeight }) }, { notMerge: true });
  };
  const resized = new ResizeObserver(() => size !== sizeNow() && redraw());

  async function update(fresh, { tall } = {}) {
    data = fresh;
    if (tall) canvas.style.setProperty("--height", `${tall}px`);
    const echarts = await charts();
    if (!echarts) {
      fill(canvas, notBuilt());
      canvas.removeAttribute("role");
      return;
    }
    if (!chart && canvas.isConnected) {
      chart = echarts.init(canvas, null, { renderer: "canvas" });
      if (chosen) chart.on("click", chosen);
      resized.observe(canvas);
      drawn.add({ canvas, redraw, chart });
    }
    redraw();
  }

  const tools = takeAway(title, { ...files }, () => chart?.getDataURL({ pixelRatio: 2, backgroundColor: colour("surface") }));
  return { node: canvas, tools, update };
}

const notBuilt = () => h("div", { class: "nothing" },
  h("p", {}, "The charts are not built: the package was installed without network. Most views have their figures in tables, too. To build them: "),
  h("code", {}, "python -m otel_llmops.page.build"));

/** A menu of downloads: files as JSON, and the picture. */
export function takeAway(title, files, image) {
  const slug = title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const menu = h("details", { class: "menu" }, h("summary", { "aria-label": `Save ${title}` }, "Save"));
  const item = (text, act) => h("button", { type: "button", onclick: async () => {
    menu.open = false;
    await act();
  } }, text);
  menu.append(h("div", { class: "items" },
    Object.entries(files).map(([kind, made]) => item(kind, async () => {
      const document = JSON.stringify(await made(), null, 2);
      save(`${slug}.${kind.toLowerCase()}${kind === "JSON" ? "" : ".json"}`, URL.createObjectURL(new Blob([document], { type: "application/json" })));
    })),
    image && item("PNG", async () => {
      const url = await image();
      if (url) save(`${slug}.png`, url);
    })));
  return menu;
}

function save(file, url) {
  h("a", { href: url, download: file }).click();
  if (url.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Draw everything anew: the colours have changed. */
export function recolour() {
  for (const each of drawn) {
    if (each.canvas.isConnected) each.redraw();
    else {
      each.chart.dispose();
      drawn.delete(each);
    }
  }
}

/** Let go of pictures that are no longer shown. */
export function tidy() {
  for (const each of drawn) {
    if (!each.canvas.isConnected) {
      each.chart.dispose();
      drawn.delete(each);
    }
  }
}

const axisStyle = () => ({
  axisLine: { lineStyle: { color: colour("line") } },
  axisTick: { show: false },
  axisLabel: { color: colour("muted"), hideOverlap: true, fontSize: 11 },
  splitLine: { lineStyle: { color: colour("line"), width: 1 } },
});

const NAMES = { font: 12, line: 14, share: 0.42, least: 60, gap: 10 };

/**
 * A y axis of names beside bars, and the room that it takes: {axis, left}. Measured here, since the library
 * cuts long names at their beginning. `lines`: how many a name may have.
 */
export function nameAxis(texts, width, { lines = 1 } = {}) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `${NAMES.font}px ${style().fontFamily}`;
  const most = Math.max(NAMES.least, width * NAMES.share);
  const room = Math.min(most, Math.max(NAMES.least, ...texts.map((text) => pen.measureText(text).width + 2)));
  return {
    left: room + NAMES.gap,
    axis: { type: "category", data: texts, axisTick: { show: false }, axisLine: { show: false },
      axisLabel: { color: colour("ink"), fontSize: NAMES.font, width: room, interval: 0,
        ...(lines > 1 ? { overflow: "break", lineHeight: NAMES.line, height: lines * NAMES.line, lineOverflow: "truncate" } : { overflow: "truncate" }) } },
  };
}

export const axes = {
  time: () => ({ type: "time", ...axisStyle(), splitLine: { show: false } }),
  /** `named`: what it measures, above it. */
  value: (formatter, named) => {
    const base = axisStyle();
    return { type: "value", name: named, nameTextStyle: { color: colour("muted"), fontSize: 11 }, nameGap: 12, ...base, axisLine: { show: false }, axisLabel: { ...base.axisLabel, formatter }, splitNumber: 3 };
  },
};
