/* SPDX-License-Identifier: MIT */
/* This browser's own jobs: an id is what entitles to a result, and only its owner knows it. */

const KEY = "dockgate.jobs";
const MOST = 50;

export function ownJobs() {
	try {
		const list = JSON.parse(localStorage.getItem(KEY)) ?? [];
		return list.filter(({ id }) => /^[0-9a-f]{64}$/.test(id));
	} catch {
		return [];
	}
}

function keep(list) {
	try {
		localStorage.setItem(KEY, JSON.stringify(list.slice(0, MOST)));
	} catch { /* no storage: the list is this visit's loss */ }
}

export const remember = (id, task, interactive = false) =>
	keep([{ id, task, interactive, at: Date.now(), verdict: null }, ...ownJobs()]);
export const settle = (id, verdict) => keep(ownJobs().map((job) => (job.id === id ? { ...job, verdict } : job)));
export const forget = (id) => keep(ownJobs().filter((job) => job.id !== id));
