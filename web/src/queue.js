/* SPDX-License-Identifier: MIT */
/* What waits, what runs, what it takes of the machine, and this browser's own jobs. */
import { call, get, jobPath } from "./api.js";
import { fill, h } from "./dom.js";
import { forget, ownJobs, settle } from "./jobs.js";
import { bytes, duration, verdictWords } from "./verdict.js";

const EVERY_MS = 2000;
const HOUR_S = 3600;

const since = (time) => (time ? duration(Math.max(0, Date.now() - Date.parse(time))) : "");

function table(caption, heads, rows, none) {
	return h("section", {}, h("h2", {}, caption),
		rows.length
			? h("div", { class: "wide" }, h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, ...rows)))
			: h("p", { class: "note" }, none));
}

const cells = (...values) => h("tr", {}, ...values.map((value) => h("td", {}, value)));
const short = (id) => h("code", {}, id.slice(0, 12));

/** Draws into `host`. `open(id)`: see one's result in the playground. */
export function startQueue(host, { open }) {
	const history = { at: [], running: [], waiting: [] };
	const parts = {
		trouble: h("p", { role: "status" }),
		machines: h("div"),
		plot: h("section", {}, h("h2", {}, "The last hour, as long as this page was open"), h("div", { class: "plot" })),
		jobs: h("div"),
		own: h("div"),
	};
	let timer = 0;
	let draw = null; /* the plots, once they are loaded */

	fill(host, ...Object.values(parts));

	function machine(node, waiting) {
		const gpus = node.gpus.length ? `, ${node.gpus.filter(({ busy }) => busy).length} of ${node.gpus.length} GPUs in use` : "";
		return h("div", { class: "card" }, h("strong", {}, node.name),
			h("p", {}, `${node.running} of ${node.slots} slots run a job, ${waiting} wait${gpus}`),
			h("meter", { min: "0", max: String(Math.max(1, node.slots)), value: String(node.running), "aria-label": `Slots of ${node.name} in use` }),
			h("p", { class: "dim" }, `${node.cpus} processors, ${bytes(node.memory_bytes)}, ${node.engine_up ? node.engine : "the engine does not answer"}`));
	}

	async function act(what) {
		try {
			await what();
			await refresh();
		} catch (e) {
			parts.trouble.textContent = e.message;
			parts.trouble.className = "bad";
		}
	}

	const button = (text, label, handler) => h("button", { type: "button", "aria-label": label, on: { click: () => act(handler) } }, text);

	function ownRow(job) {
		const done = job.verdict !== null;
		return cells(short(job.id), job.task, new Date(job.at).toLocaleTimeString(),
			done ? verdictWords({ verdict: job.verdict }) : "not ended",
			h("span", {}, h("button", { type: "button", "aria-label": `Open job ${job.id.slice(0, 12)}`, on: { click: () => open(job.id) } }, "Open"), " ",
				done ? button("Forget", `Forget job ${job.id.slice(0, 12)}`, () => forget(job.id))
					: button("Cancel", `Cancel job ${job.id.slice(0, 12)}`, () => call("DELETE", jobPath(job.id)))));
	}

	/* What ended while nobody looked. One that is gone is forgotten. */
	async function settleOwn() {
		for (const { id } of ownJobs().filter(({ verdict }) => verdict === null).slice(0, 5)) {
			try {
				const job = await get(jobPath(id));
				if (job.state === "done") settle(id, job.verdict);
			} catch (e) {
				if (e.status === 404) forget(id);
			}
		}
	}

	function note(queue) {
		const now = Date.now() / 1000;
		history.at.push(now);
		history.running.push(queue.running);
		history.waiting.push(queue.waiting);
		while (history.at[0] < now - HOUR_S) for (const list of Object.values(history)) list.shift();
		draw?.(history);
	}

	async function refresh() {
		const [queue, { nodes }] = await Promise.all([get("v1/queue"), get("v1/nodes")]);
		await settleOwn();
		fill(parts.machines, h("h2", {}, "Machines"), h("div", { class: "cards" }, ...nodes.map((node) => machine(node, queue.waiting))));
		fill(parts.jobs, table("Waiting and running", ["Job", "Task", "State", "Since", "Where"],
			queue.jobs.map((job) => cells(short(job.id), job.task ?? "", job.state === "queued" ? `waiting, place ${job.position ?? ""}` : "running",
				since(job.state === "queued" ? job.queued_at : job.started_at), job.node ?? "")), "Nothing waits and nothing runs."));
		fill(parts.own, table("Your jobs", ["Job", "Task", "At", "Ended as", ""], ownJobs().map(ownRow), "None from this browser yet."));
		parts.trouble.textContent = "";
		parts.trouble.className = "";
		note(queue);
	}

	async function tick() {
		clearTimeout(timer);
		try {
			await refresh();
		} catch (e) {
			parts.trouble.textContent = `${e.message} Trying again.`;
			parts.trouble.className = "bad";
		}
		if (!host.hidden) timer = setTimeout(tick, document.hidden ? 5 * EVERY_MS : EVERY_MS);
	}

	return {
		show() {
			void tick();
			if (!draw) void import("./plot.js").then(({ plot }) => (draw = plot(parts.plot.lastChild)), () => parts.plot.remove());
		},
		hide: () => clearTimeout(timer),
	};
}
