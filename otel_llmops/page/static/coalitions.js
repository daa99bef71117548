import { empty, fill } from "./dom.js";
export const coalitions = { title: "Coalitions", load: async () => ({}), mount: (root) => () => fill(root, empty("Coalitions", "Soon.")) };
