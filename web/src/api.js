/* SPDX-License-Identifier: MIT */
/*
 * The service's HTTP. Addresses are relative: the page works at / and below /executor/. A block in
 * another site's page gives whole ones, of the service that it is for.
 */

/** What the service, or the way to it, said no with. `retry_s`: when to try again, 0: no word. */
export class Problem extends Error {
	constructor(message, status = 0, retry_s = 0) {
		super(message);
		this.status = status;
		this.retry_s = retry_s;
	}
}

export const AWAY = "The service does not answer.";
// A browser does not tell a page of another site which of the two it is.
const AWAY_OR_CLOSED = "The service does not answer, or does not let this site in (its origins).";

/** `token`: what the client says who it is with; sent in a header alone, never in an address. */
export const client = { token: "" };

/** fetch(), with the token. Throws a Problem where the answer is not one of success. */
export async function ask(method, path, { headers = {}, body, signal } = {}) {
	let reply;
	try {
		reply = await fetch(path, { method, signal, body,
			headers: client.token ? { ...headers, Authorization: `Bearer ${client.token}` } : headers });
	} catch (e) {
		if (signal?.aborted) throw signal.reason;
		throw new Problem(new URL(path, location.href).origin === location.origin ? AWAY : AWAY_OR_CLOSED);
	}
	if (reply.ok) return reply;
	const problem = await reply.json().catch(() => ({}));
	const retry_s = Number(reply.headers.get("Retry-After")) || 0;
	throw new Problem(problem.detail || `The service answered with ${reply.status}.`, reply.status, retry_s);
}

export const call = async (method, path, body, signal) =>
	(await ask(method, path, {
		signal,
		...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
	})).json();

export const get = (path, signal) => call("GET", path, undefined, signal);
export const jobPath = (id, rest = "") => `v1/jobs/${id}${rest}`;

export const sleep = (ms, signal) =>
	new Promise((done, fail) => {
		const timer = setTimeout(done, ms);
		signal?.addEventListener("abort", () => (clearTimeout(timer), fail(signal.reason)), { once: true });
	});

/**
 * Follows the job at that address to its end: `onState(job)` with every change seen, `onAway(true|false)` when the
 * service goes and comes back. Gives the ended job. Throws a Problem where there is no such job.
 */
export async function follow(address, { onState, onAway, signal }) {
	let away = false;
	let waits = 0;
	for (;;) {
		try {
			/* While it waits its place changes; once it runs only the end is of interest. */
			const job = await get(`${address}?wait=${waits}`, signal);
			if (away) onAway((away = false));
			onState(job);
			if (job.state === "done") return job;
			waits = job.state === "queued" ? 1 : 20;
		} catch (e) {
			if (e.name === "AbortError" || (e.status >= 400 && e.status < 500 && e.status !== 429)) throw e;
			if (!away) onAway((away = true));
			await sleep(1000 * (e.retry_s || 1), signal);
		}
	}
}
