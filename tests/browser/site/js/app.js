import { a } from "./parts/a.js"; import shared, * as all from '../shared.js';
import word from "words";
import { x } from "lib/x.js";
import { name } from "./circle/a.js";
import sheet from "../css/shadow.css" with { type: "css" };
export { a as again } from "./parts/a.js";

say("static", [a, shared, Object.keys(all).length].join());
say("map", word);
say("prefix", x);
say("circle", name());
say("dynamic", (await import(`./late.js`)).late);
say("resolve", typeof import.meta.resolve("./late.js"));
say("added meta", await (await fetch(new URL("data.js", import.meta.url))).text());
say("fetch", await (await fetch("js/data.js")).text());

const host = document.getElementById("host").attachShadow({ mode: "open" });
host.adoptedStyleSheets = [sheet];
host.append("in the shadow");
say("css module", getComputedStyle(document.getElementById("host")).color);

const added = document.createElement("script");
added.src = "js/added.js";
document.head.append(added);

document.body.append(document.getElementById("template").content.cloneNode(true));

const asks = (worker, key) => new Promise(resolve => {
	(worker.port ?? worker).onmessage = event => { say(key, event.data); resolve(); };
});
await asks(new Worker(new URL("./workers.js", import.meta.url), { type: "module" }), "module worker");
await asks(new Worker("js/classic-worker.js"), "classic worker");
await asks(new SharedWorker("/js/shared-worker.js"), "shared worker");

await navigator.serviceWorker.register("sw.js", { scope: "/" });
await navigator.serviceWorker.ready;
const cache = await caches.open("site");
const kept = [];
for (const request of await cache.keys())
	kept.push((await (await cache.match(request)).text()).length > 0);
say("service worker", kept.length + " " + kept.every(x => x));
//# sourceMappingURL=app.js.map
