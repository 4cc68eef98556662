// SPDX-License-Identifier: MIT
// Runs the tests in a real browser. The last line is "browser: N passed, N failed".
import { launch } from "./browser.mjs";
import * as release from "./release.mjs";

const tests = [release].flatMap(module => Object.entries(module));
const browser = await launch();
let passed = 0, failed = 0;

for (const [name, test] of tests) {
	try {
		await test(browser);
		passed++;
		console.log(`ok   ${name}`);
	} catch (error) {
		failed++;
		console.log(`FAIL ${name}: ${error.stack}`);
	}
}
await browser.close();
console.log(`browser: ${passed} passed, ${failed} failed`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
