/* SPDX-License-Identifier: MIT */
/* The program's files as tabs: add, rename, remove, drop files and folders in. */
import { fill, h } from "./dom.js";
import { program, save } from "./program.js";

const BYTES_MAX = 8 * 1024 * 1024; /* of all dropped files; a request's body has a limit too */

/* As the service takes them: relative, without "..", empty parts and control characters. */
const isName = (name) =>
	// eslint-disable-next-line no-control-regex
	name.length <= 1024 && !/[\u0000-\u001f\u007f]/.test(name) && name.split("/").every((part) => part !== "" && part !== "." && part !== "..");

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

/** Tabs in `list`; files can be dropped on `area`. `onShow(index)` when another one is to be seen. */
export function fileTabs(list, area, { mainName, onShow, onTrouble, focus }) {
	let active = 0;

	const label = (file) => file.name || mainName();

	function select(index) {
		draw(index);
		onShow(index);
	}

	function add(file) {
		const at = program.files.findIndex((other) => label(other) === file.name);
		if (at >= 0) program.files[at] = file;
		else program.files.push(file);
		save();
		select(at >= 0 ? at : program.files.length - 1);
	}

	function addNew() {
		const base = mainName().includes(".") ? mainName().split(".").pop() : "txt";
		let n = 1;
		while (program.files.some((file) => label(file) === `file${n}.${base}`)) n++;
		add({ name: `file${n}.${base}`, text: "" });
		rename(program.files.length - 1);
	}

	function remove(index) {
		program.files.splice(index, 1);
		save();
		select(Math.max(0, index - 1));
		focus();
	}

	function rename(index) {
		const file = program.files[index];
		const input = h("input", { value: label(file), "aria-label": "Name of the file", spellcheck: "false" });
		let over = false;
		function end(keep) {
			if (over) return;
			over = true;
			const name = input.value.trim();
			if (keep && name !== label(file)) {
				if (!isName(name)) onTrouble(`"${name}" cannot be a file's name: relative, without ".." and empty parts.`);
				else if (program.files.some((other) => label(other) === name)) onTrouble(`There is a file ${name} already.`);
				else file.name = name;
				save();
			}
			select(index);
			if (keep) focus();
		}
		input.addEventListener("keydown", (e) => {
			e.stopPropagation();
			if (e.key !== "Enter" && e.key !== "Escape") return;
			e.preventDefault(); /* or the editor, which gets the focus, would get the key */
			end(e.key === "Enter");
		});
		input.addEventListener("blur", () => end(true));
		list.children[index].replaceChildren(input);
		input.select();
	}

	function tab(file, index) {
		const selected = index === active;
		const name = label(file);
		return h("div", { class: "tab" },
			h("button", {
				type: "button", "aria-pressed": String(selected), title: "Double click or F2 renames",
				on: {
					click: () => select(index),
					dblclick: () => rename(index),
					keydown: (e) => keys(e, index),
				},
			}, name),
			index > 0 ? h("button", { type: "button", class: "remove", "aria-label": `Remove ${name}`, on: { click: () => remove(index) } }, "×") : null);
	}

	function keys(e, index) {
		const to = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: program.files.length - 1 }[e.key];
		if (to !== undefined && program.files[to]) {
			select(to);
			list.querySelector('[aria-pressed="true"]').focus();
		} else if (e.key === "F2") rename(index);
		else if (e.key === "Delete" && index > 0) remove(index);
		else return;
		e.preventDefault();
	}

	function draw(index) {
		active = Math.min(index, program.files.length - 1);
		fill(list, ...program.files.map(tab),
			h("button", { type: "button", class: "add", "aria-label": "Add a file", on: { click: addNew } }, "+"));
	}

	async function drop(e) {
		e.preventDefault();
		/* All of it at once: the items are gone once this function first waits. */
		const dropped = [...e.dataTransfer.items].filter(({ kind }) => kind === "file")
			.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
		const found = (await Promise.all(dropped.map((one) => (one instanceof File ? [[one, one.name]] : walk(one, ""))))).flat();
		if (found.reduce((sum, [file]) => sum + file.size, 0) > BYTES_MAX) return onTrouble("These files are too large for this page: 8 MiB at most. The command line takes larger ones.");
		for (const [file, name] of found) add(await readFile(file, name));
	}

	area.addEventListener("dragover", (e) => e.preventDefault());
	area.addEventListener("drop", (e) => drop(e).catch((error) => onTrouble(`The file could not be read: ${error.message}`)));
	return { draw, active: () => active };
}
