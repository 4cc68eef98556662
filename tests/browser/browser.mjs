// SPDX-License-Identifier: MIT
// The distribution's Chromium, and pages that remember all that went wrong in them.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

// Where `npm ci` put the packages: not into the checkout.
export const modules = process.env.BROWSER_MODULES ?? fileURLToPath(new URL(".", import.meta.url));
const { chromium } = createRequire(`${modules}/`)("playwright-core");

export function launch() {
	return chromium.launch({
		executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
		// Tests run as root, for whom Chromium has no sandbox.
		args: process.getuid() === 0 ? ["--no-sandbox"] : [],
	});
}

/** { page, requests, faults, close }: a page with nothing stored, in a context of its own. */
export async function openPage(browser) {
	const context = await browser.newContext({ viewport: { width: 900, height: 700 } });
	const requests = [];
	const faults = [];

	context.on("request", request => requests.push(request.url()));
	context.on("requestfailed", request =>
		faults.push(`${request.url()}: ${request.failure()?.errorText}`));
	context.on("response", response => {
		if (response.status() >= 400)
			faults.push(`${response.url()}: ${response.status()}`);
	});
	context.on("console", message => {
		if (["error", "warning"].includes(message.type()))
			faults.push(`console: ${message.text()}`);
	});
	context.on("weberror", error => faults.push(`page: ${error.error()}`));
	const page = await context.newPage();
	return { page, requests, faults, close: () => context.close() };
}
