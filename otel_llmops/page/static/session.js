import { empty, fill } from "./dom.js";
export const session = { title: "Session", load: async () => ({}), mount: (root) => () => fill(root, empty("Session", "Soon.")) };
export const sessions = { title: "Sessions", load: async () => ({}), mount: (root) => () => fill(root, empty("Sessions", "Soon.")) };
