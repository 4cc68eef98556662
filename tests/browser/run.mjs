// SPDX-License-Identifier: MIT
// Runs the tests in a real browser, or those with a word in their name. The last line is "browser: N passed, N failed".
import { launch } from "./browser.mjs";
import * as page from "./page.mjs";
import * as release from "./release.mjs";

// A part with `begin` has its own `tests`; of the others every function is one.
const word = process.argv[2] ?? "";
const browser = await launch();
let passed = 0, failed = 0;

async function attempt(name, test) {
	const begun = Date.now();
	try {
		await test(browser);
		passed++;
		console.log(`ok   ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
	} catch (error) {
		failed++;
		console.log(`FAIL ${name}: ${error.stack}`);
	}
}

for (const part of [release, page]) {
	const tests = Object.entries(part.tests ?? part).filter(([name]) => name.includes(word));
	if (tests.length === 0)
		continue;
	try {
		await part.begin?.(browser);
		for (const [name, test] of tests)
			await attempt(name, test);
	} finally {
		await part.end?.();
	}
}
await browser.close();
console.log(`browser: ${passed} passed, ${failed} failed`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
