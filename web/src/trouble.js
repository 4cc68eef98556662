/* SPDX-License-Identifier: MIT */
/* What the service found wrong with a request, at the place where a person typed it. */

const PLACES = [
	[/^files\[(\d+)\](?:\.\w+)*: /, (files, n) => `File ${files[n] ?? Number(n) + 1}: `],
	[/^cases\[(\d+)\]\.expected_stdout: /, (_, n) => `Expected output of case ${Number(n) + 1}: `],
	[/^cases\[(\d+)\]\.stdin(?:\.\w+)?: /, (_, n) => `Input of case ${Number(n) + 1}: `],
	[/^cases\[(\d+)\](?:\.\w+)*: /, (_, n) => `Case ${Number(n) + 1}: `],
	[/^cases: /, () => "Cases: "],
	[/^args\[(\d+)\]: /, (_, n) => `Argument ${Number(n) + 1}: `],
	[/^args: /, () => "Arguments: "],
	[/^stdin(?:\.\w+)?: /, () => "Standard input: "],
	[/^task: /, () => "Task: "],
];

/** "cases[2].stdin: ..." as "Input of case 3: ...". `files`: the names, in their order. */
export function whereWords(text, files) {
	for (const [pattern, words] of PLACES) {
		const match = text.match(pattern);
		if (match) return words(files, match[1]) + text.slice(match[0].length);
	}
	return text;
}
