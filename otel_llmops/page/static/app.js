// The page's frame: which view is shown (the part of the address after #), for which window of time,
// how it is kept fresh, and what is said when something cannot be had.

import { Refused, ask, listen, token } from "./api.js";
import { charts, recolour } from "./charts.js";
import { address, empty, fill, h, visible } from "./dom.js";
import { moment, zone } from "./format.js";
import { agents } from "./agents.js";
import { bottlenecks } from "./bottlenecks.js";
import { coalitions } from "./coalitions.js";
import { code } from "./code.js";
import { health } from "./health.js";
import { overview } from "./overview.js";
import { session, sessions } from "./session.js";

// A view: {title, load(route, signal, isTurned) -> data, mount(root, {go}) -> (data, route) => void}. `isTurned`: the
// place is the same, and nothing new has come. `pictures`: it draws; `concerns(data, sessions)`: whether it shows these.
const VIEWS = { overview, agents, sessions, session, code, bottlenecks, coalitions, health };
const IN_BAR = ["overview", "agents", "sessions", "code", "bottlenecks", "coalitions", "health"];
const WINDOWS = { "15m": 0.25, "1h": 1, "6h": 6, "24h": 24, "7d": 168, "30d": 720, all: null };
const WINDOW = "24h";
const TIMELESS = new Set(["session", "health"]);
const HOUR_MS = 3_600_000;
// between two askings for what is new: half a second, and four times as long as the last answer took, so that an
// open page has a fifth of a core at most
const FRESH_MS = 500;
const FRESH_TIMES = 4;
const FRESH_MS_MAX = 10_000;

const main = document.getElementById("main");
const status = document.getElementById("status");
let shown = null;
let asOf = null;
let windowNow = localStorage.getItem("window") ?? WINDOW;

/** What the address says: {view, parts, given: URLSearchParams, window, since, until}. */
function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...parts] = path.split("/").map(safelyDecoded);
  const given = new URLSearchParams(query);
  const asked = given.get("window") ?? windowNow;
  const window = asked in WINDOWS ? asked : WINDOW;
  const hours = WINDOWS[window];
  const now = Date.now();
  const before = (times) => (hours === null ? null : new Date(now - times * hours * HOUR_MS).toISOString());
  return { view: view in VIEWS ? view : "overview", parts, given, window, hours, since: before(1), twice: before(2) };
}

function safelyDecoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What is shown can be sent: the window of time is in the address, also where the reader has chosen none. */
function sayWindow(at) {
  windowNow = at.window;
  if (at.given.get("window") === at.window || TIMELESS.has(at.view)) return;
  at.given.set("window", at.window);
  history.replaceState(null, "", `${location.hash.split("?")[0] || "#/overview"}?${at.given}`);
}

/** The same place with other parameters. */
function moved(parameters) {
  const [path, query = ""] = location.hash.split("?");
  const given = new URLSearchParams(query);
  for (const [key, value] of Object.entries(parameters)) {
    if (value === null) given.delete(key);
    else given.set(key, value);
  }
  location.hash = `${path || "#/overview"}${given.size ? `?${given}` : ""}`;
}

async function show() {
  const at = route();
  sayWindow(at);
  const place = location.hash.split("?")[0];
  drawBar(at);
  shown?.stop();
  const view = VIEWS[at.view];
  document.title = `${[view.title, at.parts[0] && visible(at.parts[0], 60)].filter(Boolean).join(" · ")} · otel-llmops`;
  const stopping = new AbortController();
  const same = shown?.place === place && shown.update;
  const root = same ? main.firstElementChild : h("div", { class: `view ${at.view}` });
  delete root.dataset.ready;
  shown = { place, root, stop: () => stopping.abort(), signal: stopping.signal, view, update: same || null };
  if (!same) {
    fill(main, root);
    window.scrollTo(0, 0);
    root.append(h("p", { class: "loading", role: "status" }, "Loading …"));
  }
  // the charts come while the collector thinks
  if (view.pictures) charts();
  await refresh(shown, Boolean(same));
}

/** Ask again, and draw. */
async function refresh(current, isTurned = false) {
  if (current.busy) {
    current.again = true;
    return;
  }
  current.busy = true;
  try {
    const at = route();
    const asked = performance.now();
    const data = await current.view.load(at, current.signal, isTurned);
    if (current.signal.aborted) return;
    current.data = data;
    if (!current.update) {
      fill(current.root);
      current.update = current.view.mount(current.root, { go: moved, at });
    }
    await current.update(data, at);
    if (current.signal.aborted) return;
    current.root.dataset.ready = "true";
    current.took = performance.now() - asked;
    asOf = new Date();
    said("");
  } catch (error) {
    if (error.name === "AbortError" || current.signal.aborted) return;
    trouble(current, error);
  } finally {
    current.busy = false;
    if (current.again && !current.signal.aborted) {
      current.again = false;
      setTimeout(() => refresh(current), pause(current));
    }
  }
}

const pause = (current) => Math.min(FRESH_MS_MAX, Math.max(FRESH_MS, FRESH_TIMES * (current?.took ?? 0)));

function trouble(current, error) {
  if (!(error instanceof Refused)) throw error;
  if (error.status === 401) return askForToken(current);
  if (current.update) return said(`${error.message} What is shown is of ${moment(asOf)}.`);
  said("");
  fill(current.root, h("h1", { class: "visually-hidden" }, current.view.title), empty("This could not be shown", error.message,
    h("p", {}, h("button", { type: "button", onclick: () => refresh(current) }, "Try again"))));
}

function askForToken(current) {
  const field = h("input", { type: "password", name: "token", autocomplete: "off", required: true, id: "token" });
  const done = (event) => {
    event.preventDefault();
    token.set(field.value.trim());
    location.reload();
  };
  current.update = null;
  fill(current.root, h("form", { class: "empty", onsubmit: done },
    h("h1", {}, "This collector asks for a token"),
    token.get() && h("p", { class: "wrong", role: "alert" }, "What was given is not the token."),
    h("p", {}, "One line of the file that it was given by --api-token-file. It is kept until this tab is closed."),
    h("label", { for: "token" }, "Token"), field, h("button", { type: "submit" }, "Open")));
  field.focus();
}

function said(sentence) {
  status.textContent = sentence;
  document.body.classList.toggle("stale", Boolean(sentence));
}

const bar = {
  views: document.getElementById("views"),
  tools: document.getElementById("tools"),
  live: h("span", { class: "live", title: "Whether changes arrive by themselves" }, "…"),
};

function drawBar(at) {
  const here = at.view === "session" ? "sessions" : at.view;
  const kept = { window: at.given.get("window") };
  fill(bar.views, IN_BAR.map((key) =>
    h("a", { href: address(key, [], kept), "aria-current": key === here ? "page" : false, "data-key": key }, VIEWS[key].title)));
  // a narrow bar is scrolled to where one is
  const current = bar.views.querySelector("[aria-current]");
  if (current) bar.views.scrollLeft = current.offsetLeft - bar.views.offsetLeft - (bar.views.clientWidth - current.offsetWidth) / 2;
  const choose = h("select", { "aria-label": "Window of time", "data-key": "window", onchange: (event) => {
    localStorage.setItem("window", event.target.value);
    moved({ window: event.target.value });
  } }, Object.keys(WINDOWS).map((key) => h("option", { value: key, selected: key === at.window }, key === "all" ? "all time" : `last ${key}`)));
  // a session is shown whole, and health is of now
  choose.hidden = TIMELESS.has(at.view);
  fill(bar.tools, bar.live, choose,
    h("button", { type: "button", class: "quiet", onclick: turnColours, title: "Light or dark", "aria-label": "Light or dark", "data-key": "colours" }, "◐"));
}

function turnColours() {
  const dark = getComputedStyle(document.documentElement).colorScheme.includes("dark");
  setColours(dark ? "light" : "dark");
  localStorage.setItem("colours", dark ? "light" : "dark");
}

function setColours(which) {
  document.documentElement.dataset.colours = which;
  recolour();
}

// Keys: a number chooses a view.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const chosen = IN_BAR[Number(event.key) - 1];
  if (chosen) location.hash = address(chosen);
});

const chosen = localStorage.getItem("colours");
if (chosen) setColours(chosen);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
window.addEventListener("hashchange", show);
document.querySelector(".jump").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

let last = 0;
let waiting = false;
listen({
  changed: (sessions) => {
    if (sessions && shown?.data && shown.view.concerns && !shown.view.concerns(shown.data, sessions)) return;
    // a burst is one refresh: now, or when the last one is old enough
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      last = Date.now();
      if (shown) refresh(shown);
    }, Math.max(0, last + pause(shown) - Date.now()));
  },
  state: (state) => {
    if (state === "away" && asOf && shown?.update) said(`The collector does not answer. What is shown is of ${moment(asOf)}.`);
    bar.live.textContent = state === "live" ? "live" : "offline";
    bar.live.classList.toggle("on", state === "live");
    bar.live.classList.toggle("away", state === "away");
  },
});

fill(document.getElementById("foot"), h("p", {}, `Times are in ${zone()}.`),
  h("p", {}, "Keys 1 to 7 choose a view. A head of a table with dots below it explains itself when pointed at."));

await show();
