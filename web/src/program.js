/* SPDX-License-Identifier: MIT */
/* What the user has typed: the one state that must never be lost. Kept in the browser as it changes. */

const KEY = "dockgate.program";
const SAVE_MS = 300;

/** A file has `text`, or `base64` where it is not text. */
export const program = {
	task: "",
	files: [{ name: "", text: "" }],
	stdin: "",
	args: "",
	interactive: false,
	cases: [],
	compare: "", /* the task's own way */
};

let timer = 0; /* 0: all that was changed here is kept */

export function replace(other) {
	Object.assign(program, {
		task: String(other.task ?? ""),
		files: (Array.isArray(other.files) ? other.files : []).map(({ name, text, base64 }) =>
			typeof base64 === "string" ? { name: String(name), base64 } : { name: String(name), text: String(text ?? "") }),
		stdin: String(other.stdin ?? ""),
		args: String(other.args ?? ""),
		interactive: other.interactive === true,
		compare: ["exact", "lines", "tokens"].includes(other.compare) ? other.compare : "",
		cases: (Array.isArray(other.cases) ? other.cases : []).map((c) => ({
			stdin: String(c.stdin ?? ""), expected: String(c.expected ?? ""),
		})),
	});
	if (program.files.length === 0) program.files.push({ name: "", text: "" });
}

export function load() {
	try {
		replace(JSON.parse(localStorage.getItem(KEY)));
		return program.task !== "";
	} catch {
		return false;
	}
}

/** Soon: a storage that is full or forbidden only costs the memory over a reload. */
export function save() {
	/* A reload is to bring what is here from now on, not what the link brought. */
	if (location.hash.startsWith("#p=")) history.replaceState(null, "", location.pathname);
	clearTimeout(timer);
	timer = setTimeout(saveNow, SAVE_MS);
}

export function saveNow() {
	clearTimeout(timer);
	timer = 0;
	try {
		localStorage.setItem(KEY, JSON.stringify(program));
	} catch { /* the page works without */ }
}

/** Only what was changed: what a link brought, or another tab has outdated, leaves what is kept as it is. */
export function saveRest() {
	if (timer) saveNow();
}

/** "a 'b c' \"d\"" as a shell would split it, without expanding anything. Throws on an open quote. */
export function splitArgs(text) {
	const args = [];
	let arg = null;
	let quote = "";
	for (let i = 0; i < text.length; i++) {
		const c = text[i];
		if (quote) {
			if (c === quote) quote = "";
			else if (c === "\\" && quote === '"' && i + 1 < text.length) arg += text[++i];
			else arg += c;
		} else if (c === "'" || c === '"') {
			quote = c;
			arg ??= "";
		} else if (c === "\\" && i + 1 < text.length) {
			arg = (arg ?? "") + text[++i];
		} else if (/\s/.test(c)) {
			if (arg !== null) args.push(arg);
			arg = null;
		} else {
			arg = (arg ?? "") + c;
		}
	}
	if (quote) throw new Error(`Arguments: the ${quote} is not closed.`);
	if (arg !== null) args.push(arg);
	return args;
}

/** The request that the program is. */
export function request() {
	const files = program.files.map((file) => ({
		...(file.name ? { name: file.name } : {}),
		content: file.base64 ?? file.text,
		...(file.base64 !== undefined ? { encoding: "base64" } : {}),
	}));
	const body = { task: program.task };
	const args = splitArgs(program.args);
	if (files.length > 1 || files[0].content !== "") body.files = files;
	if (args.length) body.args = args;
	if (program.cases.length && program.compare) body.compare = program.compare;
	if (program.cases.length)
		body.cases = program.cases.map((c, i) => ({
			name: String(i + 1), stdin: c.stdin, ...(c.expected !== "" ? { expected_stdout: c.expected } : {}),
		}));
	else if (program.interactive) {
		body.stdin = "open";
		/* It has a pipe, no terminal: what it prints would come when its buffer is full. */
		body.env = { PYTHONUNBUFFERED: "1" };
	} else if (program.stdin !== "") body.stdin = { content: program.stdin };
	return body;
}
