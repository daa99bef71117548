// Elements from data. Text goes in as text nodes only: nothing that an agent, a prompt or a path is
// called is ever parsed as HTML.

import { moment } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element: attributes by name (`onclick` and such are listeners), children as nodes or text. */
export function h(tag, attributes = {}, ...children) {
  return dressed(document.createElement(tag), attributes, children);
}

/** The same for a drawing. */
export function s(tag, attributes = {}, ...children) {
  return dressed(document.createElementNS(SVG, tag), attributes, children);
}

function dressed(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "vars") setVariables(element, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Custom properties by CSSOM: a style attribute is what the policy forbids. */
function setVariables(element, variables) {
  for (const [name, value] of Object.entries(variables)) element.style.setProperty(name, value);
}

/** Put other children into `parent`; who had the focus in it has it afterwards (by data-key). */
export function fill(parent, ...children) {
  const held = parent.contains(document.activeElement) ? document.activeElement.dataset?.key : null;
  parent.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (held) parent.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
}

const SHOWN_MAX = 160;

/** What somebody else has written, on one line: control characters seen, direction kept inside. */
export function visible(text, most = SHOWN_MAX) {
  const all = String(text ?? "");
  const cut = all.length > most ? `${all.slice(0, most)}…` : all;
  return cut.replace(/[\u0000-\u001f]/g, (sign) => String.fromCharCode(0x2400 + sign.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\u2421");
}

/** A name of somebody else's: cut by the style sheet where there is no room, whole when pointed at. */
export function name(text, { most = SHOWN_MAX, className = "name" } = {}) {
  return h("bdi", { class: className, title: visible(text, 1000) }, visible(text, most) || "(no name)");
}

/** A moment as a reader says it; pointed at, the whole of it with its time zone. */
export const when = (text) => h("time", { class: "still", datetime: text, title: `${new Date(text).toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" })}\n${text}` }, moment(text));

/** An address inside this page, for href. */
export function address(view, parts = [], parameters = {}) {
  const path = [view, ...parts].map(encodeURIComponent).join("/");
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(given).toString();
  return `#/${path}${query ? `?${query}` : ""}`;
}

const sorted = new Map();

/** What the table of this label is sorted by, {by: a column's label, down}: the address says so (`sort=table.column.down`), or the reader's last choice. */
function orderOf(label) {
  for (const said of new URLSearchParams(location.hash.split("?")[1] ?? "").getAll("sort")) {
    const [of, by, way] = said.split(".");
    if (of === label) sorted.set(label, { by, down: way === "down" });
  }
  return sorted.get(label) ?? {};
}

/** Remember an order, and say it in the address, so that a link shows what its sender saw. */
function putInOrder(label, by, down) {
  sorted.set(label, { by, down });
  const [path, query = ""] = location.hash.split("?");
  const given = new URLSearchParams(query);
  const others = given.getAll("sort").filter((said) => said.split(".")[0] !== label);
  given.delete("sort");
  for (const said of [...others, `${label}.${by}.${down ? "down" : "up"}`]) given.append("sort", said);
  history.replaceState(null, "", `${path || "#/overview"}?${given}`);
}

/** Rows by the column that the reader chose for the table of this label; as they came, where none. */
function inOrder(label, columns, rows) {
  const { by, down } = orderOf(label);
  const key = columns.find((column) => column.label === by)?.sort;
  if (!key) return rows;
  const compared = (one, other) => (typeof one === "string" ? one.localeCompare(other) : (one ?? -Infinity) - (other ?? -Infinity));
  return [...rows].sort((one, other) => compared(key(one), key(other)) * (down ? -1 : 1));
}

/**
 * A table. `columns`: {label, value(row), number: right-aligned, wide: takes the room, whole: is never cut, silent: its head
 * is only read out, spare: left out on a phone, hint, sort(row): what its head sorts by}. `href(row)` makes the first cell a link; rows without an answer make an `empty` sentence.
 */
export function table(label, columns, rows, { href, empty = "Nothing yet.", key, current } = {}) {
  if (!rows.length) return h("p", { class: "nothing" }, empty);
  const cells = (row) => columns.map((column, place) => {
    const shown = column.value(row);
    const inner = place === 0 && href ? h("a", { href: href(row), "data-key": key ? key(row) : false }, shown) : shown;
    return h(place === 0 ? "th" : "td",
      { scope: place === 0 && "row", class: classes(column) },
      inner ?? (column.silent ? "" : "–"));
  });
  const frame = h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": label });
  const head = (column) => {
    const order = orderOf(label);
    const by = column.sort && order.by === column.label ? order : null;
    const turned = () => {
      // numbers are wanted from the top at first, names from a to z
      putInOrder(label, column.label, by ? !by.down : Boolean(column.number));
      draw();
    };
    const text = column.silent ? h("span", { class: "visually-hidden" }, column.label) : column.hint ? h("span", { class: "hinted" }, column.label) : column.label;
    return h("th", { scope: "col", class: classes(column), title: column.hint || false, "aria-sort": by ? (by.down ? "descending" : "ascending") : false },
      column.sort ? h("button", { type: "button", class: "sort", "data-key": `sort ${label} ${column.label}`, onclick: turned }, text, by ? (by.down ? " ▾" : " ▴") : "") : text);
  };
  const draw = () => fill(frame, h("table", {},
    h("caption", { class: "visually-hidden" }, label),
    h("thead", {}, h("tr", {}, columns.map((column) => head(column)))),
    h("tbody", {}, inOrder(label, columns, rows).map((row) => h("tr", { "aria-current": current?.(row) ? "true" : false }, cells(row))))));
  draw();
  return frame;
}

const classes = (column) => ["number", "wide", "whole", "spare"].filter((each) => column[each]).join(" ") || false;

/** A bar that shows a share of 1. */
export function share(value, { tone = "" } = {}) {
  return h("span", { class: "share" },
    h("span", { class: `fill ${tone}`, vars: { "--share": `${Math.max(0, Math.min(1, value)) * 100}%` } }));
}

export const badge = (text, tone = "") => h("span", { class: `badge ${tone}` }, text);

/** A card with a title, what it is about, and tools beside it. */
export function card(title, { about, tools = [], className = "" } = {}, ...children) {
  return h("section", { class: `card ${className}`, "aria-label": title },
    h("div", { class: "card-head" },
      h("div", {}, h("h2", {}, title), about && h("p", { class: "about" }, about)),
      h("div", { class: "card-tools" }, tools)),
    ...children);
}

/** What to show where there is nothing: what it would be, and what to do. */
export function empty(title, sentence, ...more) {
  return h("div", { class: "empty" }, h("h2", {}, title), h("p", {}, sentence), ...more);
}

/** Terms and what they stand for: [term, shown] pairs; what has nothing to show is left out. */
export function facts(...pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, shown]) => shown !== null && shown !== undefined && shown !== false && shown !== "").map(([term, shown]) =>
    h("div", {}, h("dt", {}, term), h("dd", {}, shown))));
}

/** Names in a row. */
export const names = (texts, between = ", ") => texts.flatMap((text, place) => [place ? between : "", name(text, { most: 80 })]);

export const code = (text) => h("pre", { class: "command", tabindex: 0, role: "group", "aria-label": "Command" }, h("code", {}, text));
