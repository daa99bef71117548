// Where the nodes of a graph stand: in columns, by how many steps they are from where sessions enter.
// The same graph always gives the same picture, so a live one does not jump. O((nodes + edges) · rounds).

const ROUNDS = 6;

/**
 * `nodes` ids, `edges` [{from, to, weight}], `entries` ids -> Map(id -> {x, y}), x and y from 0 to 1.
 */
export function columns(nodes, edges, entries = []) {
  const after = new Map(nodes.map((id) => [id, []]));
  const before = new Map(nodes.map((id) => [id, []]));
  for (const { from, to } of edges) {
    if (from === to || !after.has(from) || !after.has(to)) continue;
    after.get(from).push(to);
    before.get(to).push(from);
  }
  const steps = stepsFrom(nodes, after, before, entries);
  const levels = [];
  for (const id of nodes) (levels[steps.get(id)] ??= []).push(id);
  const rows = new Map();
  const number = (level) => level.forEach((id, place) => rows.set(id, (place + 0.5) / level.length));
  const filled = levels.filter(Boolean).flatMap((level) => folded(level));
  filled.forEach(number);
  for (let round = 0; round < ROUNDS; round += 1) {
    const neighbours = round % 2 ? after : before;
    for (const level of round % 2 ? [...filled].reverse() : filled) {
      const middle = new Map(level.map((id) => [id, mean(neighbours.get(id).map((other) => rows.get(other)), rows.get(id))]));
      level.sort((one, other) => middle.get(one) - middle.get(other));
      number(level);
    }
  }
  const places = new Map();
  filled.forEach((level, column) => level.forEach((id, place) => {
    // every other node a little aside: two labels of one height do not meet
    const aside = level.length > 3 ? ((place % 2) - 0.5) * 0.25 : 0;
    places.set(id, { x: (column + 0.5 + aside) / filled.length, y: rows.get(id) });
  }));
  return places;
}

const COLUMN_MAX = 24;

/** A long column in several. */
function folded(level) {
  const parts = Math.ceil(level.length / COLUMN_MAX);
  const size = Math.ceil(level.length / parts);
  return Array.from({ length: parts }, (_, part) => level.slice(part * size, (part + 1) * size));
}

function stepsFrom(nodes, after, before, entries) {
  const steps = new Map();
  const known = entries.filter((id) => after.has(id));
  const roots = known.length ? known : nodes.filter((id) => !before.get(id).length);
  let wave = roots;
  const unseen = new Set(nodes);
  for (let step = 0; unseen.size; step += 1) {
    if (!wave.length) {
      // what no entry leads to: alone, or in a circle
      wave = [unseen.values().next().value];
      step = 0;
    }
    for (const id of wave) {
      steps.set(id, step);
      unseen.delete(id);
    }
    wave = [...new Set(wave.flatMap((id) => after.get(id)))].filter((id) => unseen.has(id));
  }
  return steps;
}

const mean = (values, otherwise) => (values.length ? values.reduce((all, each) => all + each, 0) / values.length : otherwise);
