/* SPDX-License-Identifier: MIT */
/* Inputs and what is expected of them, as a table. */
import { fill, h } from "./dom.js";
import { program, save } from "./program.js";

const COMPARED = [["", "as the task does"], ["exact", "byte for byte"], ["lines", "by lines, without spaces at their ends"], ["tokens", "by words"]];

export function casesTable(host) {
	function field(it, name, label) {
		return h("textarea", {
			rows: "2", "aria-label": label, spellcheck: "false",
			on: { input: (e) => ((it[name] = e.target.value), save()) },
		}, it[name]);
	}

	function row(it, i) {
		return h("tr", {}, h("th", { scope: "row" }, String(i + 1)),
			h("td", {}, field(it, "stdin", `Input of case ${i + 1}`)),
			h("td", {}, field(it, "expected", `Expected output of case ${i + 1}`)),
			h("td", {}, h("button", { type: "button", class: "remove", "aria-label": `Remove case ${i + 1}`, on: { click: () => remove(i) } }, "×")));
	}

	function remove(i) {
		program.cases.splice(i, 1);
		save();
		draw();
	}

	function add() {
		program.cases.push({ stdin: "", expected: "" });
		save();
		draw();
		host.querySelector("tbody tr:last-child textarea").focus();
	}

	const compared = () => h("label", {}, "Compared ", h("select", { on: { change: (e) => ((program.compare = e.target.value), save()) } },
		...COMPARED.map(([value, words]) => h("option", { value, selected: value === program.compare }, words))));

	function draw() {
		fill(host,
			program.cases.length
				? h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "#"), h("th", {}, "Input"), h("th", {}, "Expected output, empty: any"), h("td", {}))),
					h("tbody", {}, ...program.cases.map(row)))
				: h("p", { class: "note" }, "Without cases the program runs once, with the input above."),
			program.cases.length ? compared() : null,
			h("button", { type: "button", on: { click: add } }, "Add a case"));
	}

	return { draw };
}
