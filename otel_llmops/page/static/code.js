import { empty, fill } from "./dom.js";
export const code = { title: "Code", load: async () => ({}), mount: (root) => () => fill(root, empty("Code", "Soon.")) };
