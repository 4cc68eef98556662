import { a } from "./parts/a.js";
import("./late.js").then(m => postMessage(a + m.late));
