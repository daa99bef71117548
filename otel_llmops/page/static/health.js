import { empty, fill } from "./dom.js";
export const health = { title: "Health", load: async () => ({}), mount: (root) => () => fill(root, empty("Health", "Soon.")) };
