// Whether the collector itself is well: what it took, what it refused, what waits, what could not be stored.

import { Refused, get, text } from "./api.js";
import { badge, card, fill, h, table, visible } from "./dom.js";
import { bytes, counted, exact, moment, number } from "./format.js";

const EVERY_MS = 5000;
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export const health = {
  title: "Health",

  async load(_at, signal) {
    const [ready, page] = await Promise.all([get("readyz", signal), text("metrics", signal)]);
    return { ready, samples: samplesOf(page) };
  },

  mount(root) {
    const body = h("div", {});
    root.append(h("h1", { class: "visually-hidden" }, "Health"), body);
    const again = async () => {
      if (!root.isConnected) return;
      try {
        draw(await health.load());
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        body.querySelector(".verdict")?.replaceWith(verdict(false, [error.message, `The figures below are of ${moment(asked)}.`]));
      }
      setTimeout(again, EVERY_MS);
    };
    setTimeout(again, EVERY_MS);
    let asked = null;
    const draw = (data) => {
      asked = new Date();
      fill(body, ...drawAll(data));
    };
    return draw;
  },
};

/** Prometheus' text format -> [{name, labels, value}]. */
function samplesOf(page) {
  return page.split("\n").filter((line) => line && !line.startsWith("#")).flatMap((line) => {
    const found = SAMPLE.exec(line);
    if (!found) return [];
    const labels = Object.fromEntries([...(found[2] ?? "").matchAll(LABEL)].map(([, key, value]) => [key, value]));
    return [{ name: found[1].replace(/^otel_llmops_/, ""), labels, value: Number(found[3]) }];
  });
}

const verdict = (isReady, sentences) => h("div", { class: `card verdict ${isReady ? "good" : "bad"}`, role: "status" },
  h("h2", {}, isReady ? "Everything answers" : "Not ready"), sentences.map((sentence) => h("p", {}, visible(sentence, 500))));

function drawAll({ ready, samples }) {
  const sum = (name) => samples.filter((each) => each.name === name).reduce((all, each) => all + each.value, 0);
  const worst = Math.max(0, ...samples.filter((each) => each.name === "consumer_lag_seconds").map((each) => each.value));
  const refused = samples.filter((each) => /refused|rejected/.test(each.name)).reduce((all, each) => all + each.value, 0);
  const isReady = ready.status === "ready";
  const tile = (title, shown, tone, about) => h("div", { class: `tile plain ${tone}` }, h("h2", {}, title), h("p", { class: "figure" }, shown), h("p", { class: "moved" }, about));
  return [
    verdict(isReady, [...(ready.reasons ?? []), ...(ready.notes ?? [])]),
    h("div", { class: "tiles" },
      tile("Lag", `${worst.toFixed(1)} s`, worst > 30 ? "bad" : "", "of the slowest consumer"),
      tile("Refused", exact(refused), refused ? "bad" : "", "since the start"),
      tile("Quarantined", exact(sum("quarantine_requests")), sum("quarantine_requests") ? "bad" : "", "requests, kept with their error"),
      tile("Stored", number(sum("exported_spans_total")), "", "spans since the start"),
      tile("Waiting", bytes(sum("journal_backlog_bytes")), "", `of ${bytes(sum("journal_budget_bytes"))} that may wait`),
      tile("Journal", bytes(sum("journal_stored_bytes")), "", `${counted(sum("journal_segments"), "segment")} on disk`)),
    h("div", { class: "columns" }, h("div", { class: "pile" }, consumers(samples), requests(samples)), trouble(samples)),
    everything(samples),
  ];
}

function consumers(samples) {
  const named = new Map();
  for (const each of samples) {
    const consumer = each.labels.consumer ?? each.labels.exporter ?? each.labels.forward;
    if (consumer) named.set(consumer, { ...named.get(consumer), consumer, [each.name]: each.value });
  }
  return card("By exporter", { about: "Each reads the journal at its own pace; only the store can make the receiver refuse" }, table("By exporter", [
    { label: "Who", wide: true, value: (each) => visible(each.consumer, 80) },
    { label: "Behind by", number: true, value: (each) => (each.consumer_lag_seconds === undefined ? "–" : `${each.consumer_lag_seconds.toFixed(1)} s`) },
    { label: "Waiting", number: true, value: (each) => (each.consumer_lag_bytes === undefined ? "–" : bytes(each.consumer_lag_bytes)) },
  ], [...named.values()], { empty: "No figures yet." }));
}

function trouble(samples) {
  return card("Trouble", { about: "Each of these is 0 on a good day" }, table("Trouble", [
    { label: "What", wide: true, value: (each) => each.name.replaceAll("_", " ").replace(/ total$/, "") },
    { label: "Of", value: (each) => visible(Object.entries(each.labels).map(([key, value]) => `${key} ${value}`).join(", ") || "all", 120) },
    { label: "Count", number: true, value: (each) => (each.value ? badge(exact(each.value), "bad") : "0") },
  ], samples.filter((each) => /(refused|rejected|failed|failures|lost|damaged|torn|quarantine|gaps|retries|dropped|duplicate)/.test(each.name))));
}

function requests(samples) {
  return card("Processes and requests", {}, table("Processes and requests", [
    { label: "What", wide: true, value: (each) => each.name.replaceAll("_", " ").replace(/ total$/, "") },
    { label: "Of", value: (each) => visible(Object.values(each.labels).join(", ") || "all", 80) },
    { label: "Now", number: true, value: (each) => (each.name.endsWith("_up") ? badge(each.value ? "up" : "down", each.value ? "good" : "bad") : exact(each.value)) },
  ], samples.filter((each) => /(_up|requests_total|connections|inflight_requests|sessions_analysed_total|analyses_total)$/.test(each.name)).slice(0, 16)));
}

function everything(samples) {
  return h("details", { class: "card" }, h("summary", {}, `All ${exact(samples.length)} figures`), table("All figures", [
    { label: "Figure", wide: true, value: (each) => each.name },
    { label: "Of", value: (each) => visible(Object.values(each.labels).join(", ") || "all", 120) },
    { label: "Value", number: true, value: (each) => each.value.toLocaleString("en", { maximumFractionDigits: 3 }) },
  ], samples));
}
