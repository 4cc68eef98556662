// SPDX-License-Identifier: MIT
// Pictures of the page for the documentation, from the real service: node tests/browser/screenshots.mjs DIR
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { launch } from "./browser.mjs";

const out = process.argv[2] ?? "docs";
const WIDE = { viewport: { width: 1200, height: 720 } };
const PHONE = { viewport: { width: 390, height: 844 } };

const PRIMES = `import sys, time

def primes(limit):
    """All primes below the limit, by the sieve of Eratosthenes."""
    sieve = bytearray([1]) * limit
    for n in range(2, limit):
        if sieve[n]:
            yield n
            sieve[n * n::n] = bytes(len(range(n * n, limit, n)))

for n in primes(60):
    colour = 32 if n % 4 == 1 else 34
    print(f"\\x1b[{colour}m{n:3}\\x1b[0m", "*" * n, flush=True)
    time.sleep(float(sys.argv[1]) if sys.argv[1:] else 0)
`;
const BROKEN = `#include <stdio.h>

int main(void)
{
	int sum = 0;

	for (int i = 1; i <= 10; i++)
		sum += square(i);
	printf("%d\\n", sun);
}
`;

const service = spawn("python3", [new URL("page_service.py", import.meta.url).pathname, "http://127.0.0.1:1"], { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: service.stdout })[Symbol.asyncIterator]();
const { url } = JSON.parse((await lines.next()).value);
const browser = await launch();

async function open(options) {
	const page = await (await browser.newContext(options)).newPage();
	await page.goto(url);
	await page.waitForFunction(() => document.querySelector("#task").options.length > 0, null, { polling: 100 }).catch(() => page.waitForSelector("#task option", { state: "attached" }));
	return page;
}

async function program(page, task, text) {
	await page.selectOption("#task", task);
	await page.locator("#editor .cm-content").click();
	await page.keyboard.press("Control+A");
	await page.keyboard.insertText(text);
	await page.keyboard.press("Control+Home");
}

const shoot = (page, name) => page.screenshot({ path: `${out}/page-${name}.png`, animations: "disabled", caret: "hide" });

async function playground(name, options, task, text) {
	const page = await open(options);
	await program(page, task, text);
	await page.click("#run");
	await page.waitForSelector(".verdict");
	await page.mouse.move(0, 0);
	await shoot(page, name);
	await page.context().close();
}

/* Some jobs of several kinds, then the machine at work. */
async function queue(name, options) {
	const page = await open(options);
	for (const [task, text] of [["c", BROKEN], ["brief", "while :; do :; done\n"], ["python", PRIMES]]) {
		await program(page, task, text);
		await page.click("#run");
		await page.waitForSelector(".verdict");
	}
	for (let i = 0; i < 3; i++)
		await fetch(`${url}v1/jobs`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ task: "one", files: [{ content: "sleep 20\n" }] }) });
	await program(page, "python", "import time\ntime.sleep(30)\n");
	await page.click("#run");
	await page.waitForSelector("body.running #state");
	await page.click("nav >> text=Queue");
	await page.waitForSelector("#queue figure:not([hidden]) canvas");
	await page.waitForTimeout(4500);
	await page.mouse.move(0, 0);
	await page.screenshot({ path: `${out}/page-${name}.png`, fullPage: true, animations: "disabled" });
	await page.context().close();
}

async function embed(name, options) {
	const page = await (await browser.newContext(options)).newPage();
	await page.goto(`${url}assets/example.html`);
	await page.click("dockgate-run >> nth=0 >> text=Run");
	await page.waitForSelector("dockgate-run .good");
	await page.mouse.move(0, 0);
	await shoot(page, name);
	await page.context().close();
}

await playground("playground", WIDE, "python", PRIMES);
await playground("verdict", { ...WIDE, colorScheme: "dark" }, "c", BROKEN);
await playground("phone", PHONE, "python", PRIMES);
await queue("queue", { viewport: { width: 1200, height: 900 } });
await embed("embed", { viewport: { width: 900, height: 620 } });
await browser.close();
service.stdin.end();
