/* SPDX-License-Identifier: MIT */
/* The program's files as tabs: add, rename, remove, drop files and folders in. */
import { fill, h } from "./dom.js";
import { program, save } from "./program.js";

/* As the service takes them: relative, without "..", empty parts and control characters. */
const isName = (name) =>
	// eslint-disable-next-line no-control-regex
	name.length <= 1024 && !/[\u0000-\u001f\u007f]/.test(name) && name.split("/").every((part) => part !== "" && part !== "." && part !== "..");

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
		onTrouble("");
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
			h("button", { type: "button", class: "add", "aria-label": "Add a file", on: { click: addNew } }, "+"),
			h("button", { type: "button", class: "add", on: { click: choose } }, "Upload"));
	}

	/* Files of another place: the part that reads them comes with the first. */
	async function bring(read) {
		onTrouble("");
		try {
			for (const file of await read(await import("./dropped.js"))) add(file);
		} catch (error) {
			onTrouble(`The file could not be read: ${error.message}`);
		}
	}

	/* What dropping does, with the keyboard. */
	function choose() {
		const input = h("input", { type: "file", multiple: true });
		input.addEventListener("change", () => bring(({ chosen }) => chosen(input.files)));
		input.click();
	}

	area.addEventListener("dragover", (e) => e.preventDefault());
	area.addEventListener("drop", (e) => {
		e.preventDefault();
		/* All of it at once: the items are gone once this function is over. */
		const dropped = [...e.dataTransfer.items].filter(({ kind }) => kind === "file")
			.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
		void bring(({ entries }) => entries(dropped));
	});
	return { draw, active: () => active };
}
