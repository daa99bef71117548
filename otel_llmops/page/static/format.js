// Numbers as people read them.

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export const number = (value) => (value === null || value === undefined ? "–" : value >= 10000 ? compact.format(value) : whole.format(value));
export const exact = (value) => (value === null || value === undefined ? "–" : whole.format(value));
export const percent = (value, digits = 0) => (value === null || value === undefined ? "–" : `${(value * 100).toFixed(digits)}%`);
export const score = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));

/** US dollars; null where a model has no known price. */
export function money(value) {
  if (value === null || value === undefined) return "unpriced";
  if (value === 0) return "$0";
  if (value >= 1000) return `$${compact.format(value)}`;
  if (value >= 1) return `$${value.toFixed(2)}`;
  return `$${value.toPrecision(2).replace(/e-(\d+)/, "e-$1")}`;
}

/** "1 segment", "2 segments". */
export const counted = (value, thing) => `${exact(value)} ${thing}${value === 1 ? "" : "s"}`;

export const bytes = (value) => (value < 1024 ? `${number(value)} B` : value < 1024 ** 2 ? `${(value / 1024).toFixed(1)} KiB` : value < 1024 ** 3 ? `${(value / 1024 ** 2).toFixed(1)} MiB` : `${(value / 1024 ** 3).toFixed(1)} GiB`);

/** Milliseconds. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms === 0) return "0";
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  if (ms < 86_400_000) return `${(ms / 3_600_000).toFixed(1)} h`;
  return `${(ms / 86_400_000).toFixed(1)} d`;
}

/** The same beside an axis: 5 s, not 5.00 s. */
export const tick = (ms) => duration(ms).replace(/\.0+ /, " ");

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const year = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

/** A moment, as short as it stays clear, in the reader's own time zone. */
export function moment(text) {
  const at = new Date(text);
  const now = new Date();
  if (at.toDateString() === now.toDateString()) return clock.format(at);
  return (Math.abs(now - at) < 300 * 86_400_000 ? day : year).format(at);
}

/** The reader's time zone by name, and how far it is from UTC. */
export function zone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const away = -new Date().getTimezoneOffset();
  const offset = `UTC${away < 0 ? "−" : "+"}${Math.floor(Math.abs(away) / 60)}${away % 60 ? `:${String(Math.abs(away) % 60).padStart(2, "0")}` : ""}`;
  return away ? `${timeZone} (${offset})` : "UTC";
}

/** Milliseconds since 1970 of a moment, with what a Date leaves out of it: spans may take less than one. */
export const instant = (text) => Date.parse(text) + Number(`0.${/\.\d{3}(\d+)/.exec(text)?.[1] ?? 0}`);

export const words = (constant) => String(constant).toLowerCase().replaceAll("_", " ");

/** The change against before: {text, tone}; `worse` says which direction is bad (1, -1 or 0). */
export function change(now, before, worse = 0) {
  if (!before) return { text: now ? "new" : "no change", tone: "" };
  const moved = (now - before) / before;
  if (Math.abs(moved) < 0.005) return { text: "no change", tone: "" };
  const size = Math.abs(moved) >= 10 ? `×${compact.format(now / before)}` : `${Math.abs(moved * 100).toFixed(0)}%`;
  const tone = worse === 0 ? "" : Math.sign(moved) === worse ? "bad" : "good";
  return { text: `${moved > 0 ? "▲" : "▼"} ${size}`, tone };
}
