/* SPDX-License-Identifier: MIT */
/* The page's entry: two views, one of them on demand. */
import { $, h } from "./dom.js";
import { openJob, startPlayground } from "./playground.js";

let queue = null;

async function showQueue() {
	try {
		queue ??= (await import("./queue.js")).startQueue($("#queue"), { open: (id) => ((location.hash = ""), openJob(id)) });
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

addEventListener("hashchange", route);
route();
void startPlayground();
