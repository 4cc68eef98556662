/* SPDX-License-Identifier: MIT */
/* The whole program in a link's fragment, which no server ever sees. */

const FIELDS = ["task", "files", "stdin", "args", "interactive", "cases", "compare"];
const BYTES_MAX = 16 * 1024 * 1024;

const through = async (data, stream) => new Uint8Array(await new Response(new Blob([data]).stream().pipeThrough(stream)).arrayBuffer());

export async function toLink(program) {
	const text = JSON.stringify(Object.fromEntries(FIELDS.map((name) => [name, program[name]])));
	const packed = await through(text, new CompressionStream("deflate-raw"));
	let raw = "";
	for (let i = 0; i < packed.length; i += 32768) raw += String.fromCharCode(...packed.subarray(i, i + 32768));
	return `#p=${btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "")}`;
}

/* A small link may unpack to very much: no further than a program can be. */
async function unpacked(data) {
	const reader = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
	const parts = [];
	let n = 0;
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return new Blob(parts).text();
		n += value.length;
		if (n > BYTES_MAX) throw new Error("too large");
		parts.push(value);
	}
}

export async function fromLink(hash) {
	const raw = atob(hash.slice("#p=".length).replace(/-/g, "+").replace(/_/g, "/"));
	return JSON.parse(await unpacked(Uint8Array.from(raw, (c) => c.charCodeAt(0))));
}
