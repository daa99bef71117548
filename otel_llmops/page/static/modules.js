// Modules, one of them, one function of them: what the scan says, what was spent there, and the source.

import { ask } from "./api.js";
import { address, badge, card, facts, h, name, names, table, visible } from "./dom.js";
import { duration, exact, money, number, percent, score, words } from "./format.js";

const MODULES = `query Modules($repository: String, $commit: String, $offset: Int) {
  topologySnapshot(repository: $repository, commitHash: $commit) { modules(limit: 1000, offset: $offset) {
    modulePath filePath lineCount complexityScore afferentCoupling efferentCoupling instability cohesion
    tokenConsumption { totalTokens inputTokens outputTokens callCount avgTokensPerCall costUsd } } }
}`;
const MODULE = `query Module($repository: String, $commit: String, $offset: Int) {
  topologySnapshot(repository: $repository, commitHash: $commit) { modules(limit: 1, offset: $offset) { modulePath
    dependencies { fromModule toModule importType scope line isCircular }
    functions { functionName qualifiedName kind lineStart complexity cognitiveComplexity totalTokens cumulativeTokens avgTokensPerCall callCount isAsync } } }
}`;
const FUNCTION = `query Function($repository: String, $commit: String, $name: String!) {
  topologySnapshot(repository: $repository, commitHash: $commit) { function(qualifiedName: $name) { kind filePath lineStart lineEnd isAsync complexity cognitiveComplexity
    decorators docstring totalTokens cumulativeTokens avgTokensPerCall callCount source { line text cut } } }
}`;
const PAGE = 1000;
const MODULES_MAX = 20_000;
const SHOWN_MAX = 50;
const FRESH_MS = 30_000;

let known = { id: null, at: 0, modules: [] };

/** Which scan and window the address names: links between functions and modules stay there. */
export function kept() {
  const given = new URLSearchParams(location.hash.split("?")[1] ?? "");
  return Object.fromEntries(["window", "repository", "commit"].map((each) => [each, given.get(each)]));
}

/** All modules of a scan; asked again now and then, since a scan stays as it is and only its tokens grow. */
export async function modulesOf(snapshot, scan, signal) {
  if (!snapshot) return [];
  const id = `${snapshot.snapshotId} ${snapshot.scannedAt}`;
  if (known.id === id && Date.now() - known.at < FRESH_MS) return known.modules;
  const modules = [];
  for (let offset = 0; offset < MODULES_MAX; offset += PAGE) {
    const found = (await ask(MODULES, { ...scan, offset }, signal)).topologySnapshot?.modules ?? [];
    modules.push(...found.map((module, place) => ({ ...module, place: offset + place })));
    if (found.length < PAGE) break;
  }
  known = { id, at: Date.now(), modules };
  return modules;
}

/** One module with its functions and imports, or null. */
export async function moduleNamed(modules, path, scan, signal) {
  const listed = path === null ? null : modules.find((each) => each.modulePath === path);
  if (!listed) return null;
  const found = (await ask(MODULE, { ...scan, offset: listed.place }, signal)).topologySnapshot?.modules[0];
  return found?.modulePath === path ? { ...listed, ...found } : null;
}

/** What the scan says of a function, or null. */
export async function functionNamed(qualified, scan, signal) {
  return (await ask(FUNCTION, { ...scan, name: qualified }, signal)).topologySnapshot?.function ?? null;
}

const spentFirst = (one, other) => other.tokenConsumption.totalTokens - one.tokenConsumption.totalTokens || other.lineCount - one.lineCount;

export function moduleTable({ modules, module }) {
  if (!modules.length) return null;
  const rows = [...modules].sort(spentFirst).slice(0, SHOWN_MAX);
  return card("Modules", { about: `${rows.length < modules.length ? `${rows.length} of ${exact(modules.length)}, ` : ""}most tokens first, then longest. Choose one to see its imports and functions.` },
    table("Modules", [
      { label: "Module", wide: true, sort: (each) => each.modulePath, value: (each) => name(each.modulePath) },
      { label: "Lines", number: true, sort: (each) => each.lineCount, value: (each) => exact(each.lineCount) },
      { label: "Complexity", number: true, hint: "mean cyclomatic complexity of its functions", sort: (each) => each.complexityScore, value: (each) => each.complexityScore.toFixed(1) },
      { label: "Used by", number: true, hint: "modules that import it (afferent coupling)", sort: (each) => each.afferentCoupling, value: (each) => exact(each.afferentCoupling) },
      { label: "Uses", number: true, hint: "modules that it imports (efferent coupling)", sort: (each) => each.efferentCoupling, value: (each) => exact(each.efferentCoupling) },
      { label: "Instability", number: true, hint: "uses / (uses + used by): 0 others rest on it, 1 it rests on others", sort: (each) => each.instability, value: (each) => score(each.instability) },
      { label: "Cohesion", number: true, hint: "mean over its classes, 0 to 1; – without classes", sort: (each) => each.cohesion, value: (each) => score(each.cohesion) },
      { label: "Runs", number: true, sort: (each) => each.tokenConsumption.callCount, value: (each) => number(each.tokenConsumption.callCount) },
      { label: "Tokens", number: true, sort: (each) => each.tokenConsumption.totalTokens, value: (each) => number(each.tokenConsumption.totalTokens) },
      { label: "A run", number: true, hint: "tokens a run", sort: (each) => each.tokenConsumption.avgTokensPerCall, value: (each) => number(each.tokenConsumption.avgTokensPerCall) },
      { label: "Cost", number: true, sort: (each) => each.tokenConsumption.costUsd, value: (each) => (each.tokenConsumption.totalTokens ? money(each.tokenConsumption.costUsd) : "–") },
    ], rows, { href: (each) => address("code", [], { ...kept(), module: each.modulePath }), key: (each) => `module ${each.modulePath}`, current: (each) => each.modulePath === module?.modulePath }));
}

const close = (go, what) => h("button", { type: "button", class: "quiet", "data-key": `close ${what}`, onclick: () => go({ [what]: null }) }, "Close");

export function chosenModule(module, go) {
  const spent = module.tokenConsumption;
  const frame = card("Chosen module", { tools: close(go, "module"), className: "chosen" },
    facts(["File", h("code", {}, visible(module.filePath, 200))], ["Lines", exact(module.lineCount)], ["Tokens", `${exact(spent.inputTokens)} in, ${exact(spent.outputTokens)} out`], ["Cost", spent.totalTokens > 0 && money(spent.costUsd)]),
    h("div", { class: "columns" }, importTable(module), functionsOf(module)));
  frame.querySelector("h2").replaceChildren(name(module.modulePath, { most: 160 }));
  return frame;
}

function importTable(module) {
  return h("div", {}, h("h3", {}, "Imports"), table("Imports", [
    { label: "Module", wide: true, value: (each) => name(each.fromModule === module.modulePath ? each.toModule : `${each.fromModule} → ${each.toModule}`) },
    { label: "How", value: (each) => words(each.importType) },
    { label: "Where", value: (each) => `${words(each.scope)}, line ${exact(each.line)}` },
    { label: "Circular", silent: true, value: (each) => each.isCircular && badge("circular", "fair") },
  ], module.dependencies, { href: (each) => address("code", [], { ...kept(), module: each.toModule }), key: (each) => `import ${each.toModule} ${each.line}`, empty: "Nothing of this repository." }));
}

function functionsOf(module) {
  const own = module.functions.filter((each) => each.kind !== "module");
  return h("div", {}, h("h3", {}, "Functions"), table("Functions of the module", [
    { label: "Function", wide: true, sort: (each) => each.qualifiedName, value: (each) => name(`${each.isAsync ? "async " : ""}${each.qualifiedName.slice(module.modulePath.length + 1) || each.functionName}`) },
    { label: "Line", number: true, sort: (each) => each.lineStart, value: (each) => String(each.lineStart) },
    { label: "Complexity", number: true, hint: "cyclomatic / cognitive", sort: (each) => each.cognitiveComplexity, value: (each) => `${exact(each.complexity)} / ${exact(each.cognitiveComplexity)}` },
    { label: "Runs", number: true, sort: (each) => each.callCount, value: (each) => number(each.callCount) },
    { label: "Tokens", number: true, hint: "its own", sort: (each) => each.totalTokens, value: (each) => number(each.totalTokens) },
    { label: "With callees", number: true, sort: (each) => each.cumulativeTokens, value: (each) => number(each.cumulativeTokens) },
    { label: "A run", number: true, hint: "own tokens a run", sort: (each) => each.avgTokensPerCall, value: (each) => number(each.avgTokensPerCall) },
  ], own, { href: (each) => address("code", [], { ...kept(), function: each.qualifiedName }), key: (each) => `of ${each.qualifiedName}`, empty: "It defines none." }));
}

export function chosenFunction(data, go) {
  const { named, chosen } = data;
  const usage = data.highTokenFunctions.find((each) => each.qualifiedName === chosen);
  const module = data.modules.filter((each) => chosen.startsWith(`${each.modulePath}.`)).sort((one, other) => other.modulePath.length - one.modulePath.length)[0];
  const frame = card("Chosen function", { tools: close(go, "function"), className: "chosen" },
    facts(["Where", named ? h("code", {}, `${visible(named.filePath, 200)}:${named.lineStart}`) : usage && h("code", {}, visible(usage.filePath, 200))],
      ["Module", module && h("a", { href: address("code", [], { ...kept(), module: module.modulePath }) }, name(module.modulePath))],
      ["Lines", named && `${named.lineStart} to ${named.lineEnd}`],
      ["What it is", named && [named.isAsync && "async ", words(named.kind), named.decorators.length > 0 && [", ", names(named.decorators.map((each) => `@${each}`))]]],
      ["Complexity", named && `${exact(named.complexity)} cyclomatic, ${exact(named.cognitiveComplexity)} cognitive`],
      ["What for", named?.docstring && h("bdi", {}, visible(named.docstring, 300))],
      // the scan knows of all time, the list of this window
      ["Tokens, ever", named && `${exact(named.totalTokens)}, with callees ${exact(named.cumulativeTokens)}`],
      ["Runs, ever", named && `${exact(named.callCount)}, ${exact(named.avgTokensPerCall)} tokens each`],
      ["Tokens in the window", usage && `${exact(usage.inputTokens)} in, ${exact(usage.outputTokens)} out, ${percent(usage.totalTokens / (data.highTokenFunctions.reduce((sum, each) => sum + each.totalTokens, 0) || 1))} of those listed`],
      ["Takes", usage && duration(usage.avgDurationMs)],
      ["Agents", usage?.agents.length > 0 && names(usage.agents)]),
    sourceOf(named));
  frame.querySelector("h2").replaceChildren(name(chosen, { most: 160 }));
  return frame;
}

function sourceOf(named) {
  if (!named) return h("p", { class: "about" }, "No scan has this function, so its lines are not known.");
  if (!named.source) {
    return h("p", { class: "about" }, "The store keeps no source. It is shown where the repository lies on the collector's machine as it was scanned.");
  }
  const { line, text, cut } = named.source;
  const rows = text.split("\n");
  return h("div", {},
    h("div", { class: "source", tabindex: 0, role: "group", "aria-label": "Source" },
      h("pre", { "aria-hidden": "true" }, rows.map((_, place) => line + place).join("\n")),
      h("pre", {}, h("code", {}, rows.map((row) => visible(row.replaceAll("\t", "    "), 400)).join("\n")))),
    cut && h("p", { class: "about" }, `The first ${exact(rows.length)} lines of it.`));
}
