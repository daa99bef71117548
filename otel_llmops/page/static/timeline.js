// A session drawn: agents as lanes, what they did as bars, handoffs as arrows, the critical path below the bars,
// and drift at the bottom. One unit of it is one pixel, so that its words are legible on a phone, too.

import { h, s, visible } from "./dom.js";
import { duration, instant, score, tick, words } from "./format.js";

const LANE = 48;
const BAR = 16;
const DRIFT = 64;
const TOP = 26;
const ROOM = { least: 640, narrow: 700, names: 150, namesNarrow: 104, right: 20 };
const TICK_LEAST = 100;
const ROUND_MS = [1, 2, 5, 10, 15, 20, 30, 60].map((seconds) => seconds * 1000);
const TEXT_LEAST = 34;
const DRAWN = new Set(["agent", "llm", "tool", "retrieval", "embeddings"]);

/** An SVG as wide as there is `room`, or null where there are no spans; `chosen` is the id of the span that is marked. */
export function drawTimeline(data, { room, chosen, choose }) {
  const drawn = data.timeline.filter((each) => each.agent && DRAWN.has(each.kind));
  if (!drawn.length) return null;
  const width = Math.max(ROOM.least, Math.floor(room));
  const left = room < ROOM.narrow ? ROOM.namesNarrow : ROOM.names;
  const lanes = new Map();
  for (const each of drawn) if (!lanes.has(each.agent)) lanes.set(each.agent, lanes.size);
  const scale = scaleOf(data.timeline, left, width - ROOM.right);
  const { begin, end } = scale;
  const place = { ...scale, left, width, y: (agent) => TOP + lanes.get(agent) * LANE };
  const moved = data.contextDrift.filter((each) => instant(each.at) >= begin && instant(each.at) <= end);
  const bottom = TOP + lanes.size * LANE;
  const height = bottom + (moved.length ? DRIFT : 8);
  const svg = s("svg", { class: "timeline", viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": "What ran when, by agent" },
    s("defs", {}, s("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" }, s("path", { d: "M0 0 8 4 0 8z", class: "tip" }))),
    ruler(place, height), place.pauses.map((pause) => pauseMark(pause, height)));
  for (const [agent, lane] of lanes) {
    const below = TOP + lane * LANE + LANE - 6;
    svg.append(s("line", { class: "lane", x1: 0, x2: width, y1: below, y2: below }),
      s("text", { class: "lane-text", x: 0, y: TOP + lane * LANE + 17 }, fitted(visible(agent, 60), left - 12, "550 13px"), s("title", {}, visible(agent))));
  }
  for (const each of drawn) svg.append(bar(each, place, { isChosen: each.spanId === chosen, choose }));
  for (const each of data.handoffs) if (lanes.has(each.fromAgent) && lanes.has(each.toAgent)) svg.append(arrow(each, place));
  if (moved.length) svg.append(driftLane(moved, place, bottom));
  return svg;
}

/**
 * Where a moment stands between `left` and `right`, {begin, end, x(ms), stretches, pauses}: as far along as it is in
 * time, but for pauses in which nothing runs at all. Those are short, or nothing else could be seen beside them.
 */
function scaleOf(spans, left, right) {
  const stretches = stretchesOf(spans.map((each) => [instant(each.startedAt), instant(each.startedAt) + each.durationMs]));
  const busy = stretches.reduce((all, [from, to]) => all + to - from, 0) || 0.001;
  const isLong = (ms) => ms > PAUSE.share * busy;
  // what is only a little apart is one
  const joined = [stretches[0]];
  for (const [from, to] of stretches.slice(1)) {
    const last = joined.at(-1);
    if (isLong(from - last[1])) joined.push([from, to]);
    else last[1] = to;
  }
  const pause = Math.min(PAUSE.width, (PAUSE.most * (right - left)) / joined.length);
  const shown = joined.reduce((all, [from, to]) => all + to - from, 0) || 0.001;
  const perMs = (right - left - pause * (joined.length - 1)) / shown;
  let at = left;
  const placed = joined.map(([from, to]) => {
    const stretch = { from, to, x: at };
    at += (to - from) * perMs + pause;
    return stretch;
  });
  const x = (ms) => {
    const place = placed.findLastIndex((each) => each.from <= ms);
    const { from, to, x: start } = placed[Math.max(0, place)];
    if (ms <= to) return start + Math.max(0, ms - from) * perMs;
    const next = placed[place + 1];
    return start + (to - from) * perMs + (next ? (pause * (ms - to)) / (next.from - to) : 0);
  };
  return {
    begin: placed[0].from, end: placed.at(-1).to, x, stretches: placed, perMs,
    pauses: placed.slice(1).map((each, place) => ({ ms: each.from - placed[place].to, x: each.x - pause, width: pause })),
  };
}

const PAUSE = { share: 0.25, width: 30, most: 0.4 };

/** When anything ran: [from, to] pairs that neither meet nor overlap, in order. */
function stretchesOf(times) {
  const ordered = times.sort((one, other) => one[0] - other[0]);
  const stretches = [];
  for (const [from, to] of ordered) {
    const last = stretches.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else stretches.push([from, to]);
  }
  return stretches;
}

function pauseMark({ ms, x, width }, height) {
  return s("g", { class: "pause" }, s("title", {}, `nothing ran for ${duration(ms)}`),
    s("rect", { x: x + 2, y: TOP - 6, width: Math.max(1, width - 4), height: height - TOP + 6 }),
    width > 20 && s("text", { class: "tick-text", x: x + width / 2, y: TOP + 4, transform: `rotate(90 ${x + width / 2} ${TOP + 4})`, dy: 4 }, `pause ${tick(ms)}`));
}

/** Lines at round times since the session began, and where it goes on after a pause. */
function ruler({ begin, stretches, perMs, width, x }, height) {
  const step = roundStep(TICK_LEAST / perMs);
  const times = stretches.flatMap(({ from, to }) => {
    const first = Math.ceil((from - begin) / step) * step;
    return [from - begin, ...Array.from({ length: Math.max(0, Math.floor((to - begin - first) / step) + 1) }, (_, count) => first + count * step)];
  });
  let last = -Infinity;
  return times.map((ms) => {
    const at = x(begin + ms);
    if (at - last < TICK_LEAST * 0.6) return null;
    last = at;
    return [
      s("line", { class: "tick", x1: at, x2: at, y1: TOP - 6, y2: height }),
      s("text", { class: "tick-text", x: at, y: 12, "text-anchor": at > width - 40 ? "end" : "middle" }, ms ? tick(ms) : "0 s")];
  });
}

/** The next step that people count in: 1, 2 or 5 of a decade; above a second of a clock. */
function roundStep(least) {
  const minutes = 60_000;
  const unit = least > minutes ? minutes : 1;
  const onClock = ROUND_MS.find((each) => each * (unit === 1 ? 1 : 60) >= least);
  if (least > 1000 && onClock) return onClock * (unit === 1 ? 1 : 60);
  const decade = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((each) => each * decade).find((each) => each >= least * 0.999);
}

let pen = null;

/** As much of a text as fits into so many pixels. */
function fitted(text, room, font) {
  pen ??= document.createElement("canvas").getContext("2d");
  pen.font = `${font} ${getComputedStyle(document.documentElement).fontFamily}`;
  if (pen.measureText(text).width <= room) return text;
  const signs = [...text];
  while (signs.length && pen.measureText(`${signs.join("")}…`).width > room) signs.pop();
  return `${signs.join("")}…`;
}

/** How far the context had moved at each handoff: a dot as high as its score, between 0 and 1. */
function driftLane(moved, { x, left, width }, top) {
  const y = (value) => top + DRIFT - 8 - value * (DRIFT - 20);
  const at = (each) => x(instant(each.at));
  const line = moved.map((each, place) => `${place ? "L" : "M"}${at(each).toFixed(1)} ${y(each.score).toFixed(1)}`).join("");
  const level = (value) => [
    s("text", { class: "tick-text", x: left - 12, y: y(value) + 4, "text-anchor": "end" }, value),
    s("line", { class: "tick", x1: left, x2: width, y1: y(value), y2: y(value) })];
  return s("g", { class: "drift" },
    s("text", { class: "lane-text", x: 0, y: top + 26 }, "drift"), level(1), level(0),
    s("path", { d: line }),
    moved.map((each) => s("circle", { class: driftTone(each.score), cx: at(each), cy: y(each.score), r: 4 },
      s("title", {}, `${visible(each.fromAgent ?? "(start)", 60)} → ${visible(each.toAgent, 60)}: drift ${score(each.score)}`))));
}

export const driftTone = (value) => (value > 0.6 ? "bad" : value > 0.3 ? "fair" : "good");

function bar(each, { x, y }, { isChosen, choose }) {
  const start = instant(each.startedAt);
  const from = x(start);
  const width = Math.max(2, x(start + each.durationMs) - from);
  const isAgent = each.kind === "agent";
  const top = y(each.agent) + (isAgent ? 2 : 6);
  const about = `${visible(each.name, 120)}: ${duration(each.durationMs)}${each.criticalMs > 0 ? `, ${duration(each.criticalMs)} of the critical path` : ""}${each.error ? ", failed" : ""}`;
  const picked = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(each);
  };
  const said = `${each.error ? "✕ " : ""}${visible(each.tool || each.model || each.name, 60)}`;
  return s("g", { class: `stretch ${each.kind}${each.error ? " failed" : ""}${isChosen ? " current" : ""}`, "aria-current": isChosen && "true", tabindex: 0, role: "button", "aria-label": about, "data-key": each.spanId, onclick: picked, onkeydown: picked },
    s("title", {}, about),
    s("rect", { x: from, y: top, width, height: isAgent ? BAR + 8 : BAR, rx: 3 }),
    !isAgent && width > TEXT_LEAST && s("text", { class: "bar-text", x: from + 5, y: top + 12, "aria-hidden": "true" }, fitted(said, width - 8, "11px")),
    each.criticalMs > 0 && s("rect", { class: "critical", x: from, y: y(each.agent) + BAR + 13, width: Math.max(2, Math.min(width, (width * each.criticalMs) / Math.max(each.durationMs, 0.001))), height: 4, rx: 2 }));
}

function arrow(each, { x, y, begin, end }) {
  const at = Math.min(Math.max(instant(each.startedAt), begin), end);
  const to = x(at);
  const from = x(Math.max(begin, at - (each.latencyMs ?? 0)));
  const down = y(each.toAgent) >= y(each.fromAgent);
  const y1 = y(each.fromAgent) + (down ? BAR + 12 : 2);
  const y2 = y(each.toAgent) + (down ? 1 : BAR + 13);
  const tone = each.quality < 0.5 ? "bad" : each.quality < 0.8 ? "fair" : "good";
  return s("path", { class: `handoff ${tone}`, "marker-end": "url(#tip)", d: `M${from} ${y1}C${from - 14} ${(y1 + y2) / 2} ${to - 14} ${(y1 + y2) / 2} ${to} ${y2}` },
    s("title", {}, `${visible(each.fromAgent, 60)} → ${visible(each.toAgent, 60)}, ${words(each.kind)}, quality ${score(each.quality)}`));
}

const KINDS = [["llm", "LLM call"], ["tool", "tool"], ["retrieval", "retrieval"], ["embeddings", "embeddings"], ["agent", "agent"]];

/** What the drawing's signs mean, of those that are in it. */
export function timelineLegend(data) {
  const kinds = new Set(data.timeline.map((each) => each.kind));
  const sign = (className, text) => h("li", {}, h("span", { class: className }), text);
  return h("ul", { class: "legend" },
    KINDS.filter(([kind]) => kinds.has(kind)).map(([kind, text]) => sign(`block ${kind}`, text)),
    sign("line critical", "its part of the critical path"),
    data.timeline.some((each) => each.error) && h("li", {}, "✕ failed"),
    data.handoffs.length > 0 && [sign("line good", "handoff of quality 0.8 and better"), sign("line fair", "0.5 to 0.8"), sign("line bad", "below 0.5")]);
}

const MARGIN = 16;

/** The drawing as a picture: its styles are computed into it first, since a picture has no style sheet. */
export async function png(svg) {
  if (!svg) return null;
  const copy = svg.cloneNode(true);
  const originals = svg.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((element, place) => {
    const style = getComputedStyle(originals[place]);
    for (const key of ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-weight", "font-family"]) element.setAttribute(key, style.getPropertyValue(key));
  });
  const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = url;
  await image.decode();
  const { width, height } = svg.viewBox.baseVal;
  const canvas = h("canvas", { width: (width + 2 * MARGIN) * 2, height: (height + 2 * MARGIN) * 2 });
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--surface");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, MARGIN * 2, MARGIN * 2, width * 2, height * 2);
  URL.revokeObjectURL(url);
  return canvas.toDataURL("image/png");
}
