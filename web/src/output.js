/* SPDX-License-Identifier: MIT */
/*
 * What a program printed, as text and nothing else. Colours of ANSI sequences become classes, all
 * other sequences are left out, what could hide or turn text around is shown as a sign.
 */
import { h } from "./dom.js";
import { bytes } from "./verdict.js";

/* So much of each stream is shown: beyond it a page gets slow. The rest is a download. */
const SHOWN_MAX = 256 * 1024;
const LINE_MAX = 8 * 1024;

/* C0, C1, bidirectional overrides and isolates, zero-width and other invisible ones. */
// eslint-disable-next-line no-control-regex
const HIDDEN = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

export const visible = (text) =>
	text.replace(HIDDEN, (c) => {
		const code = c.charCodeAt(0);
		if (c === "\r") return "";
		if (code < 0x20) return String.fromCharCode(0x2400 + code);
		return code === 0x7f ? "\u2421" : `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
	});

/* ESC [ ... m, any other CSI, OSC up to its end, any other ESC and its letter. */
// eslint-disable-next-line no-control-regex
const ESCAPE = /\u001b(?:\[([0-9;:]*)m|\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_]|.?)/g;

function nextStyle(style, params) {
	const codes = params.split(/[;:]/).map((code) => Number(code || 0));
	for (let i = 0; i < codes.length; i++) {
		const code = codes[i];
		if (code === 0) style = {};
		else if (code === 1) style = { ...style, bold: true };
		else if (code === 22) style = { ...style, bold: false };
		else if (code === 4) style = { ...style, line: true };
		else if (code === 24) style = { ...style, line: false };
		else if (code >= 30 && code <= 37) style = { ...style, fg: code - 30 };
		else if (code >= 90 && code <= 97) style = { ...style, fg: code - 82 };
		else if (code === 39) style = { ...style, fg: undefined };
		else if (code >= 40 && code <= 47) style = { ...style, bg: code - 40 };
		else if (code === 49) style = { ...style, bg: undefined };
		else if (code === 38 || code === 48) i += codes[i + 1] === 5 ? 2 : 4; /* other palettes: as it was */
	}
	return style;
}

const classes = ({ bold, line, fg, bg }) =>
	[bold && "bold", line && "line", fg !== undefined && `fg${fg}`, bg !== undefined && `bg${bg}`].filter(Boolean).join(" ");

function span(text, style) {
	const names = classes(style);
	return names ? h("span", { class: names }, visible(text)) : document.createTextNode(visible(text));
}

/** Text with ANSI sequences as nodes. */
export function ansi(text) {
	const nodes = [];
	let style = {};
	let last = 0;
	for (const match of text.matchAll(ESCAPE)) {
		if (match.index > last) nodes.push(span(text.slice(last, match.index), style));
		if (match[1] !== undefined) style = nextStyle(style, match[1]);
		last = match.index + match[0].length;
	}
	if (last < text.length) nodes.push(span(text.slice(last), style));
	return nodes;
}

const cutLines = (text) =>
	text.replace(new RegExp(`[^\\n]{${LINE_MAX + 1},}`, "g"), (line) => `${line.slice(0, LINE_MAX)} \u2026 (${bytes(line.length - LINE_MAX)} more in this line)`);

/* "main.c:3:5:", "File \"main.py\", line 3", "main.pl line 3." */
const PLACE = /\b([\w./-]+\.\w+):(\d+)(?::(\d+))?|File "([^"\n]+)", line (\d+)|\bat ([\w./-]+\.\w+) line (\d+)/g;

/* Places in the program's files become buttons; all else stays. */
function linkPlaces(nodes, names, goTo) {
	return nodes.flatMap((node) => {
		if (node.nodeType !== Node.TEXT_NODE) return [node];
		const text = node.data;
		const out = [];
		let last = 0;
		for (const match of text.matchAll(PLACE)) {
			const name = (match[1] ?? match[4] ?? match[6]).replace(/^(\.\/|\/workspace\/)/, "");
			if (!names.includes(name)) continue;
			out.push(text.slice(last, match.index));
			const line = Number(match[2] ?? match[5] ?? match[7]);
			out.push(h("button", { class: "place", type: "button", title: `Go to line ${line} of ${name}`,
				on: { click: () => goTo(name, line, Number(match[3] ?? 1)) } }, match[0]));
			last = match.index + match[0].length;
		}
		out.push(text.slice(last));
		return out;
	});
}

function textOf({ content, encoding }) {
	if (encoding !== "base64") return content;
	const raw = atob(content.slice(0, Math.ceil(SHOWN_MAX / 3) * 4));
	return new TextDecoder("utf-8").decode(Uint8Array.from(raw, (c) => c.charCodeAt(0)));
}

/**
 * A stream of a job or a case, NULL where it is empty. `href`: of all its bytes. `names`: of the
 * program's files, `goTo(name, line, column)` for places in them.
 */
export function streamView(title, stream, { href, names = [], goTo } = {}) {
	if (!stream || stream.bytes === 0) return null;
	const text = textOf(stream);
	const shown = text.length > SHOWN_MAX ? text.slice(0, SHOWN_MAX) : text;
	const kept = stream.bytes - (stream.truncated_bytes ?? 0);
	const notes = [];
	if (stream.truncated_bytes > 0) notes.push(`${bytes(stream.truncated_bytes)} past the limit were cut. `);
	if (shown.length < text.length || (stream.encoding === "base64" && kept > SHOWN_MAX))
		notes.push(`Only the first ${bytes(SHOWN_MAX)} of ${bytes(kept)} are shown. `);
	if (stream.encoding === "base64") notes.push("It is not all UTF-8. ");
	const link = notes.length && href ? h("a", { href, download: `${title}.txt` }, "Download all of it") : null;
	return h("section", { class: `stream ${title}`, "aria-label": title },
		h("h2", {}, title),
		h("pre", { tabindex: "0" }, ...linkPlaces(ansi(cutLines(shown)), names, goTo)),
		notes.length ? h("p", { class: "note" }, ...notes, link) : null);
}
