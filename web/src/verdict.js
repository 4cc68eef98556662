/* SPDX-License-Identifier: MIT */
/* How a job ended, in words. */

const SIGNALS = { 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS" };

const LIMITS = {
	cpu_ms: "processor time", wall_ms: "time", memory_bytes: "memory", processes: "processes",
	output_bytes: "output", file_bytes: "size of a file", disk_bytes: "disk space", open_files: "open files", cpus: "processors",
};

export function bytes(n) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let i = 0;
	while (n >= 1024 && i + 1 < units.length) {
		n /= 1024;
		i++;
	}
	return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

export function duration(ms) {
	if (ms < 1000) return `${Math.round(ms)} ms`;
	if (ms < 60000) return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
	const s = Math.round(ms / 1000);
	return s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
}

export const amount = (name, n) => (name.endsWith("_bytes") ? bytes(n) : name.endsWith("_ms") ? duration(n) : String(n));

export const limitName = (name) => LIMITS[name] ?? name;

/** "memory: 64.0 MiB allowed, 64.0 MiB used" */
export const limitWords = ({ name, configured, measured }) =>
	`${limitName(name)}: ${amount(name, configured)} allowed` +
	(measured == null ? "" : `, ${amount(name, measured)} used`);

const WORDS = {
	ok: () => "Finished",
	nonzero_exit: (it) => `Ended with exit code ${it.exit_code}`,
	signaled: (it) => `Ended by ${SIGNALS[it.signal] ?? `signal ${it.signal}`}`,
	cpu_time_limit: () => "Out of processor time",
	wall_time_limit: () => "Out of time",
	memory_limit: () => "Out of memory",
	output_limit: () => "Too much output",
	disk_limit: () => "Out of disk space",
	process_limit: () => "Too many processes",
	build_failed: () => "Did not compile",
	wrong_output: () => "Not the expected output",
	cancelled: () => "Stopped",
	lost: () => "Lost: the service failed, not the program. Run it again",
	engine_error: () => "The service failed, not the program",
};

/** One sentence about a job or a case. */
export function verdictWords(it) {
	if (it.verdict === null) return "Not run";
	const words = WORDS[it.verdict]?.(it) ?? it.verdict ?? "Not run";
	return words + (it.limit ? ` (${limitWords(it.limit)})` : "");
}

export const isGood = (verdict) => verdict === "ok";

/** The figures of a step or a job: [what, how much]. */
export function figures(it) {
	const usage = it.usage ?? {};
	const all = [
		["time", usage.wall_ms != null && duration(usage.wall_ms)],
		["processor", usage.cpu_ms != null && duration(usage.cpu_ms)],
		["memory", usage.memory_peak_bytes != null && bytes(usage.memory_peak_bytes)],
		["exit code", it.exit_code != null && String(it.exit_code)],
		["signal", it.signal != null && (SIGNALS[it.signal] ?? String(it.signal))],
	];
	return all.filter(([, value]) => value);
}

/** "Waiting: 2 ahead, starts in about 40 s" */
export function waitingWords({ position, estimated_start: start }) {
	const ahead = position > 1 ? `Waiting: ${position - 1} ahead` : "Waiting: next";
	const ms = start ? Date.parse(start) - Date.now() : NaN;
	if (Number.isNaN(ms)) return ahead;
	return `${ahead}, ${ms < 1500 ? "starts any moment" : `starts in about ${roughly(ms)}`}`;
}

const roughly = (ms) => (ms < 90000 ? `${Math.ceil(ms / 1000)} s` : ms < 5400000 ? `${Math.ceil(ms / 60000)} min` : `${Math.ceil(ms / 3600000)} h`);
