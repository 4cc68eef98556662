/* SPDX-License-Identifier: MIT */
/* A job of the playground from its first state to its result. Loaded with the first run. */
import { ask, jobPath } from "./api.js";
import { fill, h } from "./dom.js";
import { settle } from "./jobs.js";
import { outputStream } from "./output.js";
import { isGood, resultView } from "./result.js";
import { verdictWords, waitingWords } from "./verdict.js";
import { watchJob } from "./watch.js";

/* Output as it comes, by step and stream; the result keeps what is drawn already. */
function liveOutput(host, context) {
	let streams = new Map();
	let steps = new Map();

	function section(step) {
		if (!steps.has(step)) {
			const title = step === "build" ? "Compiler" : `Case ${step + 1}`;
			/* A job without cases has one step, which needs no name; nor says it that it has ended. */
			const el = h("section", { class: "step" }, h("h2", { hidden: step === 0 }, title), h("p", { class: "note", hidden: true }));
			steps.set(step, el);
			host.append(el);
		}
		return steps.get(step);
	}

	function stream(step, name) {
		const key = `${step} ${name}`;
		if (!streams.has(key)) {
			const made = outputStream(name, context);
			streams.set(key, made);
			const el = section(step);
			if (name === "stdout") el.children[1].after(made.el);
			else el.append(made.el);
		}
		return streams.get(key);
	}

	return {
		stream,
		find: (step, name) => streams.get(`${step} ${name}`),
		sayCase(it) {
			const note = section(it.index).children[1];
			note.textContent = verdictWords(it);
			note.previousSibling.hidden = note.hidden = false;
		},
		clear() {
			[streams, steps] = [new Map(), new Map()];
			fill(host);
		},
	};
}

/* Lines for a program that waits for them. */
function typing(id, { echo, say }) {
	const field = h("input", { id: "line", autocomplete: "off", spellcheck: "false" });
	const form = h("form", { class: "typing bar" }, h("label", { for: "line" }, "Type a line"), field,
		h("button", { type: "submit" }, "Send"), h("button", { type: "button", title: "The program sees that nothing more comes", on: { click: () => send("", true) } }, "End of input"));

	async function send(text, isLast) {
		const body = isLast ? undefined : new TextEncoder().encode(`${text}\n`);
		const takeBack = isLast ? null : echo(text); /* before: the answer may be there first */
		try {
			await ask("POST", jobPath(id, `/stdin${isLast ? "?end=1" : ""}`), { body, headers: { "Content-Type": "application/octet-stream" } });
			if (isLast) form.remove();
			say("");
			return true;
		} catch (e) {
			takeBack?.();
			say(e.status === 409 ? "The program takes no input any more." : e.message, true);
			return false;
		}
	}

	form.addEventListener("submit", async (e) => {
		e.preventDefault();
		const text = field.value;
		field.value = "";
		if (!(await send(text, false))) field.value = text;
	});
	form.addEventListener("keydown", (e) => {
		if (e.key.toLowerCase() === "d" && e.ctrlKey) {
			e.preventDefault();
			void send("", true);
		}
	});
	return { el: form, focus: () => field.focus(), send: (text) => send(text.replace(/\n$/, "")) };
}

/**
 * Shows the job in `host` until its end. `names`, `goTo`: see outputStream(). `state(text)`: what it
 * does now, `say(text, bad)`: trouble. `interactive`: its input is open, `typed`: what to type at
 * once. Gives the ended job.
 */
export async function showRun(id, host, { names, goTo, state, say, interactive, typed, signal }) {
	const context = { names, goTo };
	const shown = h("div");
	const live = liveOutput(shown, context);
	const input = interactive ? typing(id, { say, echo: (text) => live.stream(0, "stdout").echo(text) }) : null;
	let attempt = 0;
	let waiting = null;
	const timer = setInterval(() => waiting && state(waitingWords(waiting)), 1000);

	fill(host, shown);
	try {
		const job = await watchJob(jobPath(id), {
			onState(it) {
				waiting = it.state === "queued" ? it : null;
				if (it.state === "queued") state(waitingWords(it));
				else if (it.state === "running") state(it.node ? `Running on ${it.node}` : "Running");
				if (input && it.state === "running" && !input.el.isConnected) {
					host.append(input.el);
					input.focus();
					if (typed) void input.send(typed);
					typed = "";
				}
			},
			onAttempt(n) {
				if (attempt && n !== attempt) live.clear();
				attempt = n;
			},
			onOutput: (step, name, piece) => live.stream(step, name).write(piece),
			onCase: live.sayCase,
			onAway: (away) => say(away ? "The service is away; trying again. Nothing is lost." : "", away),
		}, signal);
		state("");
		fill(host, ...resultView(job, context, job.streamed ? live : null));
		document.title = `${isGood(job.verdict) ? "✓" : "✗"} dockgate`;
		settle(job.id, job.verdict);
		return job;
	} finally {
		clearInterval(timer);
		input?.el.remove();
	}
}
