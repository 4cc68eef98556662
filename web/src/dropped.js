/* SPDX-License-Identifier: MIT */
/* Files that were dropped on the page, or chosen: as files of the program. */

const BYTES_MAX = 8 * 1024 * 1024; /* of all of them; a request's body has a limit too */

async function readFile(file, name) {
	const data = new Uint8Array(await file.arrayBuffer());
	try {
		return { name, text: new TextDecoder("utf-8", { fatal: true }).decode(data) };
	} catch {
		let raw = "";
		for (let i = 0; i < data.length; i += 32768) raw += String.fromCharCode(...data.subarray(i, i + 32768));
		return { name, base64: btoa(raw) };
	}
}

/* A folder's files with their paths below it. */
async function walk(entry, path) {
	const name = path ? `${path}/${entry.name}` : entry.name;
	if (entry.isFile) return [[await new Promise((done, fail) => entry.file(done, fail)), name]];
	const reader = entry.createReader();
	const found = [];
	for (;;) {
		const some = await new Promise((done, fail) => reader.readEntries(done, fail));
		if (some.length === 0) return found;
		for (const one of some) found.push(...(await walk(one, name)));
	}
}

/* [File, name] each. */
async function read(found) {
	if (found.reduce((sum, [file]) => sum + file.size, 0) > BYTES_MAX)
		throw new Error("8 MiB at most go through this page; the command line takes more.");
	return Promise.all(found.map(([file, name]) => readFile(file, name)));
}

export const chosen = (files) => read([...files].map((file) => [file, file.name]));

/** Of a drop: files, and folders with all that is below them. */
export const entries = async (dropped) =>
	read((await Promise.all(dropped.map((one) => (one instanceof File ? [[one, one.name]] : walk(one, ""))))).flat());
