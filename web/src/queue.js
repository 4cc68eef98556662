/* SPDX-License-Identifier: MIT */
/* What waits, what runs, what it takes of the machines, and one's own jobs; for operators everybody's. */
import { call, client, get, jobPath } from "./api.js";
import { fill, h } from "./dom.js";
import { forget, ownJobs, remember, settle } from "./jobs.js";
import { visible } from "./output.js";
import style from "./queue.css";
import { bytes, duration, verdictWords, waitingWords } from "./verdict.js";

const EVERY_MS = 2000;
const LIST_MAX = 100;

const since = (time) => (time ? duration(Math.max(0, Date.now() - Date.parse(time))) : "");
const clock = (time) => (time ? new Date(time).toLocaleTimeString() : "");
/* "waiting, place 3, starts in about 40 s" */
const waitingIn = (job) => [`waiting, place ${job.position ?? ""}`, ...waitingWords(job).split(", ").slice(1)].join(", ");
const cells = (...values) => h("tr", {}, ...values.map((value) => h("td", {}, value ?? "")));
const cut = (id) => id.slice(0, 12);
const short = (id) => h("code", {}, cut(id));
const isWhole = (id) => id.length === 64;
/* A list does not know of what: "Ended with an exit code", not which. */
const ending = (verdict) => ({ null: "not ended", nonzero_exit: "Ended with an exit code", signaled: "Ended by a signal" })[verdict] ?? verdictWords({ verdict });

function table(heads, rows, none) {
	return rows.length
		? h("div", { class: "wide" }, h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((text) => (text ? h("th", { scope: "col" }, text) : h("td"))))), h("tbody", {}, ...rows)))
		: h("p", { class: "note" }, none);
}

/* Draws anew what changed, and leaves the focus where it was. */
function put(el, ...children) {
	const fresh = el.cloneNode(false);
	fill(fresh, ...children);
	if (fresh.isEqualNode(el)) return;
	const label = el.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
	el.replaceChildren(...fresh.childNodes);
	if (label) el.querySelector(`[aria-label="${CSS.escape(label)}"]`)?.focus();
}

function machine(node) {
	const gpus = node.gpus.length ? `, ${node.gpus.filter(({ busy }) => busy).length} of ${node.gpus.length} GPUs in use` : "";
	return h("div", { class: "card" }, h("strong", {}, visible(node.name)),
		h("p", {}, `${node.running} of ${node.slots} slots run a job${gpus}`),
		h("meter", { min: "0", max: String(Math.max(1, node.slots)), value: String(node.running), "aria-label": `Slots of ${node.name} in use` }),
		h("p", { class: "dim" }, `${node.cpus} processors, ${bytes(node.memory_bytes)}, ${node.engine_up ? node.engine : "the engine does not answer"}`));
}

/* Which endings there are, and how many of each: a press shows those alone. */
function endings(what, jobs, chosen, choose) {
	const count = new Map();
	for (const { verdict } of jobs) count.set(verdict, (count.get(verdict) ?? 0) + 1);
	if (count.size < 2) return null;
	const one = (verdict, words, n) => h("button", { type: "button", "aria-pressed": String(chosen === verdict), "aria-label": `${what}: ${words}, ${n}`,
		on: { click: () => choose(verdict) } }, `${words} ${n}`);
	return h("div", { class: "bar chips", role: "group", "aria-label": `${what} by ending` }, one(undefined, "All", jobs.length),
		...[...count].map(([verdict, n]) => one(verdict, ending(verdict), n)));
}

const chosenOf = (jobs, verdict) => (verdict !== undefined && jobs.some((job) => job.verdict === verdict) ? jobs.filter((job) => job.verdict === verdict) : jobs);

/** Draws into `host`. `open(id, interactive)`: see one's result in the playground. */
export function startQueue(host, { open }) {
	const part = (title) => {
		const body = h("div");
		return { el: h("section", { "aria-label": title }, h("h2", {}, title), body), body };
	};
	const trouble = h("p", { role: "status" });
	const control = part("Control");
	const machines = part("Machines");
	const history = part("The last hour");
	const jobs = part("Waiting and running");
	const own = part("Your jobs");
	const ended = part("Ended jobs of all clients");
	let me = { client: null, operator: false };
	let timer = 0;
	let draw = null; /* the plots, once they are loaded */
	let tasks = [];
	let ownChosen, endedChosen;

	const sheet = new CSSStyleSheet();
	sheet.replaceSync(style);
	document.adoptedStyleSheets.push(sheet);
	machines.body.className = "cards";
	history.body.className = "cards plots";
	fill(host, trouble, ...[control, machines, history, jobs, own, ended].map(({ el }) => el));

	function say(text, isBad = false) {
		trouble.textContent = text;
		trouble.className = isBad ? "bad" : "";
	}

	async function act(what, after) {
		try {
			await what();
			await refresh();
			if (after) say(after);
		} catch (e) {
			say(e.message, true);
		}
	}

	const button = (text, label, handler) => h("button", { type: "button", "aria-label": label, on: { click: handler } }, text);
	const cancel = (id) => button("Cancel", `Cancel job ${cut(id)}`, () => act(() => call("DELETE", jobPath(id)), `Job ${cut(id)} is cancelled.`));
	const view = (id, interactive) => button("Open", `Open job ${cut(id)}`, () => open(id, interactive));
	const again = ({ id, task, interactive }) => button("Run again", `Run job ${cut(id)} again`, () => act(async () => {
		const fresh = await call("POST", jobPath(id, "/retry"));
		remember(fresh.id, task, interactive);
		open(fresh.id, interactive);
	}));
	const row = (...buttons) => h("span", { class: "buttons" }, ...buttons);

	/* ---- the queue ---- */

	/* Others' ids are cut: what they entitle to is not ours. */
	function whole(id, mine) {
		return isWhole(id) ? id : mine.find((job) => cut(job.id) === id)?.id;
	}

	function queueRow(job, mine) {
		const id = whole(job.id, mine);
		const waits = job.state === "queued";
		return cells(short(job.id), ...(me.operator ? [job.client ?? "\u2013"] : []), job.task ?? "", waits ? waitingIn(job) : "running",
			since(waits ? job.queued_at : job.started_at), job.node, id ? row(view(id, mine.find((it) => it.id === id)?.interactive), cancel(id)) : null);
	}

	function drawJobs(queue, mine) {
		put(jobs.body,
			queue.paused ? h("p", {}, h("strong", {}, "The queue is paused: what waits does not start.")) : null,
			queue.paused_tasks?.length ? h("p", {}, `Paused: ${queue.paused_tasks.join(", ")}.`) : null,
			table(["Job", ...(me.operator ? ["Client"] : []), "Task", "State", "For", "Machine", ""], queue.jobs.map((job) => queueRow(job, mine)), "Nothing waits and nothing runs."));
	}

	const steer = (verb, task) => call("POST", `v1/queue/${verb}`, task ? { task } : {});

	function drawControl(queue) {
		control.el.hidden = !me.operator;
		if (!me.operator) return;
		const one = (name, isPaused) => {
			const [verb, words] = isPaused ? ["resume", "Resume"] : ["pause", "Pause"];
			return button(`${words} ${name ?? "the queue"}`, `${words} ${name ? `task ${name}` : "the queue"}`, () => act(() => steer(verb, name)));
		};
		put(control.body, h("div", { class: "bar" }, one(undefined, queue.paused)),
			h("details", { open: control.body.querySelector("details")?.open }, h("summary", {}, "By task"),
				h("div", { class: "bar" }, ...tasks.map((name) => one(name, queue.paused_tasks?.includes(name))))));
	}

	/* ---- own and ended ones ---- */

	function ownRow(job) {
		return cells(short(job.id), job.task, clock(job.at), ending(job.verdict),
			row(view(job.id, job.interactive), ...(job.verdict === null ? [cancel(job.id)] : [again(job), button("Forget", `Forget job ${cut(job.id)}`, () => act(() => forget(job.id)))])));
	}

	function drawOwn(mine) {
		put(own.body, endings("Your jobs", mine, ownChosen, (verdict) => ((ownChosen = verdict), drawOwn(mine))),
			table(["Job", "Task", "At", "Ended as", ""], chosenOf(mine, ownChosen).map(ownRow), "None from this browser yet."));
	}

	function drawEnded(list) {
		ended.el.hidden = !me.operator;
		if (!me.operator) return;
		put(ended.body, endings("Ended jobs", list, endedChosen, (verdict) => ((endedChosen = verdict), drawEnded(list))),
			table(["Job", "Client", "Task", "At", "Ended as", ""], chosenOf(list, endedChosen).map((job) =>
				cells(short(job.id), job.client ?? "\u2013", job.task, clock(job.finished_at), ending(job.verdict),
					isWhole(job.id) ? row(view(job.id), again(job)) : null)), "None."));
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

	/* A client's jobs are known to the service, those of a browser without a token to it alone. */
	function ownOf(listed) {
		const known = ownJobs();
		const mine = me.operator ? [] : listed.filter(({ id }) => isWhole(id) && !known.some((job) => job.id === id));
		return [...known, ...mine.map(({ id, task, verdict, queued_at }) => ({ id, task, verdict, at: Date.parse(queued_at) }))].sort((a, b) => b.at - a.at);
	}

	async function refresh() {
		const [queue, { nodes }, samples, listed] = await Promise.all([get("v1/queue"), get("v1/nodes"), get("v1/queue/history"),
			client.token ? get(`v1/jobs?limit=${LIST_MAX}`) : { jobs: [] }]);
		await settleOwn();
		const mine = ownOf(listed.jobs);
		put(machines.body, ...nodes.map(machine));
		drawControl(queue);
		drawJobs(queue, mine);
		drawOwn(mine);
		drawEnded(listed.jobs.filter(({ state }) => state === "done"));
		draw?.(samples.samples);
		say("");
	}

	async function tick() {
		clearTimeout(timer);
		try {
			await refresh();
		} catch (e) {
			say(`${e.message} Trying again.`, true);
		}
		if (!host.hidden) timer = setTimeout(tick, document.hidden ? 5 * EVERY_MS : EVERY_MS);
	}

	/* Who asks, and what there is to steer. */
	async function learn() {
		me = await get("v1/me").catch(() => me);
		if (me.operator) tasks = (await get("v1/tasks").catch(() => ({ tasks: [] }))).tasks.map(({ name }) => name);
	}

	return {
		async show() {
			if (!draw) void import("./plot.js").then(({ plots }) => (draw = plots(history.body)), () => history.el.remove());
			await learn();
			void tick();
		},
		hide: () => clearTimeout(timer),
	};
}
