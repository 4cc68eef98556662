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
const PLACES_MAX = 1000;
const FLUSH_MS = 50;

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

/*
 * ESC [ ... m, any other CSI, OSC and other strings up to their end, any other ESC and its letter.
 * None goes past its line: a string without an end would take all that follows away.
 */
// eslint-disable-next-line no-control-regex
const ESCAPE = /\u001b(?:\[([0-9;:]*)m|\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b\n]*(?:\u0007|\u001b\\)?|[@-Z\\]|.?)/g;

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

/* Text with ANSI sequences as nodes, from one style on; [the nodes, the style after them]. */
function ansi(text, style) {
	const nodes = [];
	let last = 0;
	for (const match of text.matchAll(ESCAPE)) {
		if (match.index > last) nodes.push(span(text.slice(last, match.index), style));
		if (match[1] !== undefined) style = nextStyle(style, match[1]);
		last = match.index + match[0].length;
	}
	if (last < text.length) nodes.push(span(text.slice(last), style));
	return [nodes, style];
}

/*
 * "main.c:3:5:", "File \"main.py\", line 3", "main.pl line 3." A name begins where the characters
 * of one begin, and is no longer than one may be: else a line of nothing else takes its square.
 */
const PLACE = /(?<![\w./-])([\w./-]{1,255}\.\w{1,32}):(\d+)(?::(\d+))?|File "([^"\n]{1,255})", line (\d+)|\bat ([\w./-]{1,255}\.\w{1,32}) line (\d+)/g;

/* Places in the program's files become buttons; all else stays. */
function linkPlaces(nodes, { names, goTo }, count) {
	return nodes.flatMap((node) => {
		if (node.nodeType !== Node.TEXT_NODE) return [node];
		const text = node.data;
		const out = [];
		let last = 0;
		for (const match of text.matchAll(PLACE)) {
			const name = (match[1] ?? match[4] ?? match[6]).replace(/^(\.\/|\/workspace\/)/, "");
			if (!names.includes(name) || count.places++ >= PLACES_MAX) continue;
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

/* Bytes that came in pieces, cut anywhere, as text. */
function decoder() {
	const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
	let isText = true;
	return {
		isText: () => isText,
		text({ content, encoding }) {
			if (encoding !== "base64") return utf8.decode() + content;
			isText = false;
			const raw = atob(content.slice(0, Math.ceil(SHOWN_MAX / 3) * 4));
			return utf8.decode(Uint8Array.from(raw, (c) => c.charCodeAt(0)), { stream: true });
		},
	};
}

/**
 * One stream of a job or a case: `write(piece)` as they come ({content, encoding}), `end(info)` with
 * its `bytes` and `truncated_bytes`. `el` is hidden while it is empty. `names`: of the program's
 * files, `goTo(name, line, column)` for places in them.
 */
export function outputStream(title, { names = [], goTo } = {}) {
	const pre = h("pre", { tabindex: "0" });
	const note = h("p", { class: "note", hidden: true });
	const el = h("section", { class: `stream ${title}`, "aria-label": title, hidden: true }, h("h2", {}, title), pre, note);
	const source = decoder();
	const count = { places: 0, units: 0, shown: 0 };
	let coming = "";
	let timer = 0;
	let style = {}; /* where the open line begins */
	let line = "";
	let over = 0; /* of the open line, not kept */
	let open = []; /* the open line's nodes: drawn anew as it grows */
	let held = ""; /* a carriage return, until what follows is known */
	let isFull = false;
	let isCut = false;

	const nodesOf = (text) => {
		const [nodes, after] = ansi(text, style);
		return [linkPlaces(nodes, { names, goTo }, count), after];
	};

	const openLine = () => line + (over ? ` \u2026 (${bytes(over)} more in this line)` : "");

	/* The text's whole lines, each cut to what a line may be; the rest stays open. */
	function take(text) {
		let whole = "";
		for (let at = 0; at < text.length;) {
			const end = text.indexOf("\n", at);
			const stop = end < 0 ? text.length : end;
			const room = Math.max(0, Math.min(LINE_MAX - line.length, SHOWN_MAX - count.shown));
			const kept = text.slice(at, Math.min(stop, at + room));
			line += kept;
			over += stop - at - kept.length;
			count.shown += kept.length;
			isCut ||= over > 0;
			if (end >= 0) {
				whole += `${openLine()}\n`;
				count.shown++;
				[line, over] = ["", 0];
			}
			at = stop + 1;
			if (count.shown >= SHOWN_MAX) {
				isFull ||= at < text.length || over > 0;
				break;
			}
		}
		return whole;
	}

	function flush() {
		clearTimeout(timer);
		timer = 0;
		const all = held + coming;
		held = all.endsWith("\r") ? "\r" : "";
		coming = "";
		const text = all.slice(0, all.length - held.length).replace(/\r(?!\n)/g, "\n");
		if (all === "") return;
		el.hidden = false;
		const isAtEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
		const whole = take(text);
		for (const node of open) node.remove?.();
		open = [];
		if (whole) {
			const [nodes, after] = nodesOf(whole);
			pre.append(...nodes);
			style = after;
		}
		if (line) {
			const { places } = count;
			open = nodesOf(openLine())[0].map((node) => (typeof node === "string" ? document.createTextNode(node) : node));
			pre.append(...open);
			count.places = places;
		}
		if (isAtEnd && !pre.matches(":focus-within")) pre.scrollTop = pre.scrollHeight;
		if (isFull) say(`Only the first ${bytes(SHOWN_MAX)} are shown; ${bytes(count.units)} came so far.`);
	}

	function say(...words) {
		note.replaceChildren(...words);
		note.hidden = false;
	}

	return {
		el,
		write(piece) {
			/* A flood is counted, not looked at. */
			count.units += piece.encoding === "base64" ? (piece.content.length / 4) * 3 : piece.content.length;
			if (count.shown < SHOWN_MAX && coming.length < 2 * SHOWN_MAX) {
				coming += source.text(piece);
				isFull ||= piece.encoding === "base64" && piece.content.length > 2 * SHOWN_MAX;
			} else isFull = true;
			timer ||= setTimeout(flush, FLUSH_MS);
		},
		/** What was typed into it: of the reader's own hand, so told apart. Gives what takes it back. */
		echo(text) {
			const typed = h("span", { class: "typed" }, `${visible(text)}\n`);
			flush();
			[line, over, open] = ["", 0, []];
			pre.append(typed);
			el.hidden = false;
			pre.scrollTop = pre.scrollHeight;
			return () => typed.remove();
		},
		/** `link`: to all of its bytes. */
		end({ bytes: n = 0, truncated_bytes: lost = 0 } = {}, link = null) {
			flush();
			const words = [];
			if (lost > 0) words.push(`${bytes(lost)} past the limit were cut. `);
			if (isCut || isFull) words.push(`Not all of its ${bytes(n - lost)} is shown. `);
			if (!source.isText()) words.push("It is not all UTF-8. ");
			if (words.length) say(...words, ...(link ? [link] : []));
			else note.hidden = true;
		},
	};
}
