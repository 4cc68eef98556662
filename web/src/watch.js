/* SPDX-License-Identifier: MIT */
/*
 * A job from where it is to its end: by its events, and by long polls where those do not come
 * through. Events over fetch(), since an EventSource sends no token.
 */
import { ask, AWAY, follow, get, Problem, sleep } from "./api.js";

const FIRST_MS = 8000; /* the first event is there at once, unless something on the way holds it back */
const SILENCE_MS = 40000; /* the service sends a sign of life every 15 s */

let isHeldBack = false;

/* The whole events among the lines; what is begun stays in `state`. An id counts once its event is whole. */
function* events(lines, state) {
	for (const line of lines) {
		const [, field, value] = line.match(/^([a-z]*): ?(.*)$/s) ?? [null, line, ""];
		if (line === "") {
			if (state.data !== null) yield state;
			Object.assign(state, { id: state.next, data: null, name: "" });
		} else if (field === "data") state.data = state.data === null ? value : `${state.data}\n${value}`;
		else if (field === "event") state.name = value;
		else if (field === "id") state.next = value;
	}
}

class HeldBack extends Error {}

/* A read that does not last for ever. */
async function readWithin(reader, ms, make) {
	let timer;
	const late = new Promise((_, fail) => (timer = setTimeout(() => fail(make()), ms)));
	try {
		return await Promise.race([reader.read(), late]);
	} finally {
		clearTimeout(timer);
	}
}

/* One connection's events, to the end of it. True once the job has ended. */
async function listen(reply, state, onEvent) {
	const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
	let isFirst = state.id === "";
	let rest = "";
	try {
		for (;;) {
			const { done, value } = await readWithin(reader, isFirst ? FIRST_MS : SILENCE_MS,
				() => (isFirst ? new HeldBack() : new Problem(AWAY)));
			if (done) return false;
			isFirst = false;
			const lines = (rest + value).split("\n");
			rest = lines.pop();
			for (const { name, data } of events(lines, state))
				if (onEvent(name, data)) return true;
		}
	} finally {
		void reader.cancel().catch(() => {});
	}
}

const isEvents = (reply) => reply.status === 200 && (reply.headers.get("Content-Type") ?? "").startsWith("text/event-stream");

/*
 * Connects again and again until the end came. Gives the ended job, or null where events are not
 * to be had.
 */
async function byEvents(address, handlers, signal) {
	const state = { id: "", next: "", name: "", data: null };
	let ended = null;
	let away = false;
	const know = { state: "queued" };

	function onEvent(name, data) {
		if (name === "stdout" || name === "stderr") {
			const piece = JSON.parse(data);
			handlers.onOutput(piece.step, name, piece);
			return false;
		}
		const it = JSON.parse(data);
		if (name === "end") ended = it;
		else if (name === "attempt") handlers.onAttempt(it.attempt);
		else if (name === "case") handlers.onCase?.(it);
		else if (name === "position" || name === "state") handlers.onState(Object.assign(know, it));
		return ended !== null;
	}

	for (;;) {
		const lost = new AbortController();
		const stop = () => lost.abort(signal.reason);
		signal.addEventListener("abort", stop);
		try {
			const timer = setTimeout(() => lost.abort(new HeldBack()), FIRST_MS);
			const reply = await ask("GET", `${address}/events`, {
				headers: { Accept: "text/event-stream", ...(state.id ? { "Last-Event-ID": state.id } : {}) }, signal: lost.signal,
			}).finally(() => clearTimeout(timer));
			if (reply.status === 204) return ended ?? get(address, signal);
			if (!isEvents(reply)) return null;
			if (away) handlers.onAway((away = false));
			if (await listen(reply, state, onEvent)) return ended;
			Object.assign(state, { next: state.id, data: null, name: "" });
			await sleep(1000, signal);
		} catch (e) {
			if (e.name === "AbortError" || signal.aborted) throw e;
			Object.assign(state, { next: state.id, data: null, name: "" });
			if (e instanceof HeldBack) {
				isHeldBack = true;
				return null;
			}
			if ([404, 405, 406].includes(e.status)) return null;
			if (e.status === 400 && state.id) {
				Object.assign(state, { id: "", next: "" }); /* none of this service's any more: from the start */
				handlers.onAttempt(0);
				continue;
			}
			if (e.status >= 400 && e.status < 500 && e.status !== 429) throw e;
			if (!away) handlers.onAway((away = true));
			await sleep(1000 * (e.retry_s || 1), signal);
		} finally {
			signal.removeEventListener("abort", stop);
			lost.abort();
		}
	}
}

/**
 * Follows the job at that address to its end: `onState({state, position, estimated_start, node, ...})`,
 * `onAttempt(n)` (what came before does not count), `onOutput(step, "stdout"|"stderr", piece)`,
 * `onCase(case)`, `onAway(true|false)` when the service goes and comes back. Gives the ended job;
 * `job.streamed`: its output came by onOutput() alone. Throws a Problem where there is no such job.
 */
export async function watchJob(address, handlers, signal) {
	if (!isHeldBack) {
		const job = await byEvents(address, handlers, signal);
		if (job) return { ...job, streamed: job.stdout?.content === undefined };
		handlers.onAttempt(0);
	}
	return follow(address, { ...handlers, signal });
}
