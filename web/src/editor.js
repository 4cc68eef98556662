/* SPDX-License-Identifier: MIT */
/* The editor: CodeMirror in a shadow root, whose style sheets need no permission for inline styles. */
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { Compartment, EditorState } from "@codemirror/state";
import { history, historyKeymap, indentWithTab, standardKeymap } from "@codemirror/commands";
import { HighlightStyle, indentUnit, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";

const theme = EditorView.theme({
	"&": { height: "100%", color: "var(--text)", backgroundColor: "var(--field)", fontSize: "var(--code-size)" },
	"&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
	".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5" },
	".cm-content": { caretColor: "var(--text)" },
	".cm-gutters": { backgroundColor: "var(--field)", color: "var(--dim)", border: "none" },
	".cm-line.at": { backgroundColor: "var(--mark)" },
});

const colours = HighlightStyle.define([
	{ tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: "var(--keyword)" },
	{ tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--string)" },
	{ tag: [tags.number, tags.bool, tags.atom], color: "var(--number)" },
	{ tag: [tags.comment, tags.meta], color: "var(--dim)", fontStyle: "italic" },
	{ tag: [tags.definition(tags.variableName), tags.function(tags.variableName), tags.typeName], color: "var(--name)" },
]);

/* By the file's name; each on demand. */
const languages = [
	[/\.py$/, () => import("./languages/python.js")],
	[/\.(c|h|cc|cpp|cxx|hh|hpp)$/, () => import("./languages/c.js")],
	[/\.(js|mjs|cjs|json|ts)$/, () => import("./languages/javascript.js")],
	[/\.(sh|bash)$/, () => import("./languages/shell.js")],
	[/\.(pl|pm)$/, () => import("./languages/perl.js")],
];

/** `onChange(text)`, `onRun()`: Ctrl or Cmd and Enter. */
export function createEditor(host, { onChange, onRun }) {
	const language = new Compartment();
	let quiet = false;
	const view = new EditorView({
		parent: host.attachShadow({ mode: "open" }),
		root: host.shadowRoot,
	});

	async function setLanguage(name) {
		const found = languages.find(([pattern]) => pattern.test(name));
		const parser = found && (await found[1]().catch(() => null));
		view.dispatch({ effects: language.reconfigure(parser ? StreamLanguage.define(parser.mode) : []) });
	}

	function extensions(label) {
		return [
			lineNumbers(), history(), language.of([]), theme, syntaxHighlighting(colours), indentUnit.of("    "),
			EditorState.tabSize.of(4),
			keymap.of([
				{ key: "Mod-Enter", run: () => (onRun(), true) },
				/* Tab indents; Escape, then Tab leaves, as assistive technology expects. */
				indentWithTab, ...standardKeymap, ...historyKeymap,
			]),
			EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
			EditorView.updateListener.of((update) => {
				if (update.docChanged && !quiet) onChange(view.state.doc.toString());
			}),
		];
	}

	return {
		/** Another text, with a history of its own. */
		open(text, name) {
			quiet = true;
			view.setState(EditorState.create({ doc: text, extensions: extensions(name ? `Source of ${name}` : "Source") }));
			quiet = false;
			void setLanguage(name);
		},
		goTo(line, column = 1) {
			const at = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
			const pos = Math.min(at.from + Math.max(column - 1, 0), at.to);
			view.dispatch({ selection: { anchor: pos }, effects: EditorView.scrollIntoView(pos, { y: "center" }) });
			view.focus();
		},
		focus: () => view.focus(),
	};
}
