/* SPDX-License-Identifier: MIT */
/* The page's entry: two views, one of them on demand. */
import { client } from "./api.js";
import { $, h } from "./dom.js";
import { openJob, startPlayground } from "./playground.js";


let queue = null;

async function showQueue() {
	try {
		queue ??= (await import("./queue.js")).startQueue($("#queue"), { open: (id, interactive) => ((location.hash = ""), openJob(id, interactive)) });
		queue.show();
	} catch {
		queue = null;
		$("#queue").replaceChildren(h("p", { class: "bad" }, "The queue's part of the page could not be loaded. Reload the page."));
	}
}

function route() {
	const isQueue = location.hash === "#queue";
	$("#playground").hidden = isQueue;
	$("#queue").hidden = !isQueue;
	for (const link of document.querySelectorAll("nav a"))
		link.toggleAttribute("aria-current", (link.hash === "#queue") === isQueue);
	if (isQueue) void showQueue();
	else queue?.hide();
}

/* Who asks: `why`, where the service wants to know. */
async function showClient(why = "") {
	try {
		(await import("./client.js")).showClient($("#client"), $("#token"), why);
	} catch {
		$("#client").textContent = "This part of the page could not be loaded. Reload the page.";
		$("#client").hidden = false;
	}
}

try {
	client.token = sessionStorage.getItem("dockgate.token") ?? "";
} catch { /* no storage: typed anew each time */ }
$("#token").addEventListener("click", () => showClient());
addEventListener("hashchange", route);
route();
void startPlayground(showClient);
