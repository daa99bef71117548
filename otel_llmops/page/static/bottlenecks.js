import { empty, fill } from "./dom.js";
export const bottlenecks = { title: "Bottlenecks", load: async () => ({}), mount: (root) => () => fill(root, empty("Bottlenecks", "Soon.")) };
