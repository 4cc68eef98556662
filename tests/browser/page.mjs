// SPDX-License-Identifier: MIT
// The page as a person uses it: the real service, real containers.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";

import { modules } from "./browser.mjs";

const PATIENCE_MS = Number(process.env.PATIENCE_MS ?? 60000);
const FIRST_LOAD_MAX = 100 * 1024;
const axe = readFileSync(createRequire(`${modules}/`).resolve("axe-core/axe.min.js"), "utf8");

export const tests = {};

let service, lines, url, through, other, stranger, example, browser, context, page, trouble;

async function order(word) {
	service.stdin.write(`${word}\n`);
	assert.equal((await lines.next()).value, "done");
}

export async function begin(chromium) {
	browser = chromium;
	/* Somebody's documentation, on an origin that the operator allows, and on one that he does not. */
	other = createServer((request, reply) => reply.setHeader("Content-Type", "text/html").end(request.url === "/example" ?
		example.replace(/(href|src)="(?=icon|example|dockgate)/g, `$1="${url}assets/`) :
		`<!DOCTYPE html><title>docs</title><script src="${url}assets/dockgate.js"></script>
		<dockgate-run task="python">\nprint("&lt;b>" + str(6 * 7))\n</dockgate-run>
		<dockgate-run task="nothing">x</dockgate-run>`));
	stranger = createServer((_, reply) => reply.setHeader("Content-Type", "text/html").end(
		`<!DOCTYPE html><title>docs</title><script src="${url}assets/dockgate.js"></script><dockgate-run task="python">print(1)</dockgate-run>`));
	for (const server of [other, stranger]) {
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
	}
	const origin = `http://127.0.0.1:${other.address().port}`;
	service = spawn("python3", [new URL("page_service.py", import.meta.url).pathname, origin], { stdio: ["pipe", "pipe", "inherit"] });
	lines = createInterface({ input: service.stdout })[Symbol.asyncIterator]();
	const first = await lines.next();
	assert.ok(!first.done, "the service did not start");
	({ url, through } = JSON.parse(first.value));
	example = await (await fetch(`${url}assets/example.html`)).text();
}

export async function end() {
	await context?.close();
	other?.close();
	stranger?.close();
	service?.stdin.end();
	if (service && service.exitCode === null) assert.equal((await once(service, "exit"))[0], 0);
}

async function open(options = {}, { isReady = true } = {}) {
	await context?.close();
	context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
	context.setDefaultTimeout(PATIENCE_MS);
	page = await context.newPage();
	trouble = [];
	page.on("pageerror", (e) => trouble.push(e.message));
	page.on("dialog", (dialog) => (trouble.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
	page.on("request", (request) => { if (![url, ...through, "blob:"].some((own) => request.url().startsWith(own))) trouble.push(`left the origin: ${request.url()}`); });
	await page.goto(url);
	if (isReady) await ready();
}

/* In the page, again and again; not by the page's own eval, which its policy forbids. */
async function until(where, condition) {
	const end = Date.now() + PATIENCE_MS;
	/* A page that is loaded anew has no answer for a moment. */
	const holds = () => where.evaluate(condition).catch((e) => {
		if (!/context was destroyed|navigat/.test(e.message)) throw e;
		return false;
	});
	while (!(await holds())) {
		if (Date.now() >= end) assert.fail(`never: ${condition} ${JSON.stringify(await where.evaluate(() => document.body.innerText))}`);
		await where.waitForTimeout(50);
	}
}

const ready = () => until(page, () => document.querySelector("#task").options.length > 0);

function test(name, body) {
	tests[`page: ${name}`] = async () => {
		await open();
		await body();
		assert.deepEqual(trouble, []);
	};
}


async function type(task, text) {
	await page.selectOption("#task", task);
	await page.locator("#editor .cm-content").click();
	await page.keyboard.press("Control+A");
	await page.keyboard.insertText(text);
}

async function run() {
	await page.click("#run");
	return result();
}

async function result() {
	await page.waitForSelector(".verdict").catch(async (e) => {
		throw new Error(`no verdict: ${await page.textContent("#outcome")}`, { cause: e });
	});
	await until(page, () => document.querySelector("#run").textContent === "Run");
	return page.textContent(".verdict strong");
}

const running = () => until(page, () => document.querySelector("#state").textContent.startsWith("Running"));

const stream = (name) => page.textContent(`.${name} pre`);

async function assertAccessible(when) {
	const found = await page.evaluate(`${axe}; axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"] })`);
	assert.deepEqual(found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), [], when);
}

/* Nothing beyond the right edge, nothing that axe finds serious. */
async function assertReachable(when) {
	const out = await page.evaluate(() => [...document.querySelectorAll("button, input, select, textarea, a")]
		.filter((el) => el.checkVisibility() && el.getBoundingClientRect().right > innerWidth + 1).map((el) => el.outerHTML.slice(0, 80)));
	assert.deepEqual(out, [], when);
	assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${when}: too wide`);
	await assertAccessible(when);
}

test("each task brings an example that runs", async () => {
	await page.selectOption("#task", "python");
	assert.equal(await run(), "Finished");
	assert.equal(await stream("stdout"), "hello, world\n");
	assert.match(await page.textContent(".figures"), /time.*processor.*memory.*exit code/s);
});

test("input, arguments and more files", async () => {
	await type("python", "import sys, part\nprint(part.twice(input()), sys.argv[1:])\n");
	await page.click("text=Input, arguments, cases");
	await page.fill("#stdin", "ab\n");
	await page.fill("#args", "1 'two words' \"\"");
	await page.click('[aria-label="Add a file"]');
	await page.fill('[aria-label="Name of the file"]', "part.py");
	await page.keyboard.press("Enter");
	await page.locator("#editor .cm-content").click();
	await page.keyboard.insertText("def twice(x):\n    return x * 2\n");
	assert.equal(await run(), "Finished");
	assert.equal(await stream("stdout"), "abab ['1', 'two words', '']\n");
	await page.fill("#args", "'open");
	await page.click("#run");
	await page.waitForSelector('#args[aria-invalid="true"]:focus');
	assert.equal(await page.textContent("#args-trouble"), "Arguments: the ' is not closed.");
	await page.fill("#args", "");
	await page.fill("#stdin", "open");
	assert.equal(await run(), "Finished");
	assert.equal(await stream("stdout"), "openopen []\n");
	await page.click('[aria-label="Remove part.py"]');
	assert.equal(await page.locator(".tab").count(), 1);
});

test("a bad name of a file is refused where it is typed", async () => {
	await page.click('[aria-label="Add a file"]');
	await page.fill('[aria-label="Name of the file"]', "../up.py");
	await page.keyboard.press("Enter");
	assert.match(await page.textContent("#files-trouble"), /cannot be a file's name/);
});

test("files are dropped in", async () => {
	await type("python", "print(open('data/a.txt').read(), open('b.bin', 'rb').read())\n");
	const dropped = await page.evaluateHandle(() => {
		const transfer = new DataTransfer();
		transfer.items.add(new File([new Uint8Array([255, 0, 254])], "b.bin"));
		return transfer;
	});
	await page.dispatchEvent("#source", "drop", { dataTransfer: dropped });
	await page.waitForSelector(".tab >> text=b.bin");
	assert.ok(await page.isVisible("#binary"));
	await page.click('[aria-label="Add a file"]');
	await page.fill('[aria-label="Name of the file"]', "data/a.txt");
	await page.keyboard.press("Enter");
	await page.locator("#editor .cm-content").click();
	await page.keyboard.insertText("text");
	assert.equal(await run(), "Finished");
	assert.equal(await stream("stdout"), "text b'\\xff\\x00\\xfe'\n");
});

test("a folder is dropped in, with all that is below it", async () => {
	const folder = mkdtempSync(`${tmpdir()}/dockgate-drop-`);
	try {
		mkdirSync(`${folder}/lib/deep`, { recursive: true });
		writeFileSync(`${folder}/lib/part.py`, "from lib.deep.answer import answer\n");
		writeFileSync(`${folder}/lib/deep/answer.py`, "answer = 6 * 7\n");
		await type("python", "from lib.part import answer\nprint(answer)\n");
		/* As the window system hands it over: a folder cannot be made by a script of the page. */
		const devtools = await context.newCDPSession(page);
		const box = await page.locator("#source").boundingBox();
		for (const kind of ["dragEnter", "dragOver", "drop"])
			await devtools.send("Input.dispatchDragEvent", { type: kind, x: box.x + 40, y: box.y + 40,
				data: { items: [], files: [`${folder}/lib`], dragOperationsMask: 1 } });
		await page.waitForSelector(".tab >> text=lib/part.py");
		await page.waitForSelector(".tab >> text=lib/deep/answer.py");
		assert.equal(await run(), "Finished");
		assert.equal(await stream("stdout"), "42\n");
	} finally {
		rmSync(folder, { recursive: true });
	}
});

test("a compiler's message leads to its line", async () => {
	await type("c", "int main(void)\n{\n\treturn nothing;\n}\n");
	assert.match(await run(), /^Did not compile/);
	await page.click('.place:text("main.c:3") >> nth=0');
	await page.keyboard.press("Home");
	await page.keyboard.type("/* here */");
	assert.match(await page.locator("#editor .cm-line >> nth=2").textContent(), /^\s*\/\* here \*\/return nothing;$/);
});

test("cases are judged one by one", async () => {
	await type("python", "a, b = map(int, input().split())\nprint(a + b)\n");
	await page.click("text=Input, arguments, cases");
	for (const [i, [input, expected]] of [["1 2", "3\n"], ["2 2", "5\n"], ["x", ""]].entries()) {
		await page.click("text=Add a case");
		await page.fill(`[aria-label="Input of case ${i + 1}"]`, input);
		await page.fill(`[aria-label="Expected output of case ${i + 1}"]`, expected);
	}
	assert.equal(await run(), "Not the expected output");
	assert.deepEqual(await page.locator("#result summary strong").allTextContents(), ["Finished", "Not the expected output", "Ended with exit code 1"]);
	await page.fill('[aria-label="Expected output of case 1"]', " 3  ");
	await page.selectOption("text=Compared >> select", "tokens");
	assert.equal(await run(), "Not the expected output");
	assert.equal(await page.textContent("#result summary strong >> nth=0"), "Finished");
});

test("what the service refuses is said in words", async () => {
	await type("python", "print(1)\n");
	await page.click('[aria-label="Add a file"]');
	await page.fill('[aria-label="Name of the file"]', "x".repeat(300));
	await page.keyboard.press("Enter");
	await page.click("#run");
	await page.waitForSelector("#trouble.bad");
	assert.match(await page.textContent("#trouble"), /^File x{300}: /);
	assert.match(await page.textContent(".tab >> nth=1"), /^x{300}/);
});

test("Run becomes Stop, and what waits says its place", async () => {
	await type("one", "sleep 1\n"); /* how long such jobs take */
	assert.equal(await run(), "Finished");
	await type("one", "sleep 100\n");
	await page.click("#run");
	await running();
	const first = page;
	const second = await context.newPage();
	await second.goto(url);
	await until(second, () => document.querySelector("#task").options.length > 0);
	await second.selectOption("#task", "one");
	await second.click("#run");
	await until(second, () => /^Waiting: next, starts (any moment|in about \d+ s)$/.test(document.querySelector("#state").textContent));
	assert.equal(await first.textContent("#run"), "Stop");
	await second.click("#run");
	await second.waitForSelector(".verdict");
	await first.click("#run");
	assert.equal(await result(), "Stopped");
});

test("a limit is named with what was allowed and used", async () => {
	await type("brief", "while :; do :; done\n");
	assert.match(await run(), /^Out of processor time \(processor time: 500 ms allowed, .* used\)$/);
});

test("what a job prints is text, whatever it is", async () => {
	await type("anything", `import sys
w = sys.stdout.buffer.write
w(b"<script>alert(1)</script><img src=x onerror=alert(1)>\\n")
w("\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07\\x1b[2Jx \\u202etxt.exe nul\\x00 bell\\x07\\n".encode())
w(b"\\x1b]8;;javascript:alert(1)\\x1b\\\\link\\x1b]8;;\\x1b\\\\ \\x1bPq#0~\\x1b\\\\\\x1b_x\\x1b\\\\after\\n")
w(b"\\x1b]8;;https://example.org/never-ended\\nnext line\\nhidden\\rseen\\n")
w(b"y" * 10000000 + b"\\n")
w(b"\\xff\\xfe\\n")
open("<img src=x onerror=alert(1)>.txt", "w").write("x")
open("\\u202egpj.exe", "w").write("x")
open("run.html", "w").write("<script>top.document.title='owned'</script>")
`);
	assert.equal(await run(), "Finished");
	const text = await stream("stdout");
	assert.ok(text.startsWith("<script>alert(1)</script><img src=x onerror=alert(1)>\n"), text.slice(0, 200));
	assert.match(text, /^red x \u27e8U\+202E\u27e9txt\.exe nul\u2400 bell\u2407$/m);
	assert.equal(await page.textContent(".stdout pre .fg1"), "red");
	assert.match(text, /^link after\n\nnext line\nhidden\nseen\ny/m);
	assert.equal(await page.locator(".stdout a:not([download])").count(), 0);
	assert.ok(text.length < 300000);
	assert.match(await page.textContent(".stdout .note"), /Not all of its 9\.5 MiB is shown.*Download all of it/);
	const names = await page.locator(".files a").allTextContents();
	assert.ok(names.includes("<img src=x onerror=alert(1)>.txt"), names);
	assert.ok(names.includes("\u27e8U+202E\u27e9gpj.exe"), names);
	const href = await page.getAttribute('.files a:text("run.html")', "href");
	const reply = await page.request.get(new URL(href, url).href);
	assert.match(reply.headers()["content-disposition"], /^attachment/);
	assert.match(reply.headers()["content-security-policy"], /sandbox/);
});

test("pictures that came back are shown", async () => {
	await type("anything", `import base64
open("dot.png", "wb").write(base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="))
`);
	assert.equal(await run(), "Finished");
	await until(page, () => document.querySelector(".files img")?.naturalWidth === 1);
});

test("a file whose name is not UTF-8 comes back", async () => {
	await type("anything", 'open(b"odd\\xff.txt", "wb").write(b"kept")\n');
	assert.equal(await run(), "Finished");
	const href = await page.getAttribute(".files a", "href");
	const reply = await page.request.get(new URL(href, url).href);
	assert.equal(await reply.text(), "kept");
});

test("nothing typed is lost, and a reload picks the job up", async () => {
	await type("python", "import time\ntime.sleep(3)\nprint('kept')\n");
	await page.click("#run");
	await running();
	await page.reload();
	await ready();
	assert.match(await page.textContent("#editor .cm-content"), /kept/);
	assert.equal(await result(), "Finished");
	assert.equal(await stream("stdout"), "kept\n");
});

test("a link carries the whole program and tells no server", async () => {
	await type("python", "print('ünï', 1)\n");
	await page.click("#share");
	await until(page, () => location.hash.startsWith("#p="));
	const link = page.url();
	await open();
	const asked = [];
	page.on("request", (request) => asked.push(request.url()));
	await page.goto("about:blank");
	await page.goto(link);
	await ready();
	assert.match(await page.textContent("#editor .cm-content"), /ünï/);
	assert.ok(asked.every((address) => !address.includes("#") && !address.includes("p=")));
	assert.equal(await run(), "Finished");
	assert.equal(await stream("stdout"), "ünï 1\n");
});

/* As from another site: what differs in its fragment alone would be no visit. */
async function visit(address) {
	await page.goto("about:blank");
	await page.goto(address);
	await ready();
	return page.textContent("#editor .cm-content");
}

test("a link leaves what was typed, until what it brought is changed or run", async () => {
	await type("python", "print('theirs')\n");
	await page.click("#share");
	await until(page, () => location.hash.startsWith("#p="));
	const link = page.url();
	await type("python", "print('own')\n");
	assert.equal(page.url(), url); /* or a reload would bring what was shared */
	assert.match(await visit(url), /own/);
	assert.match(await visit(link), /theirs/);
	await page.reload();
	await ready();
	assert.match(await page.textContent("#editor .cm-content"), /theirs/);
	assert.match(await visit(url), /own/);
	await visit(link);
	await page.locator("#editor .cm-content").click();
	await page.keyboard.press("Control+Home");
	await page.keyboard.insertText("# changed\n");
	assert.match(await visit(url), /# changed.*theirs/);
	await visit(link);
	assert.equal(await run(), "Finished");
	assert.match(await visit(url), /^(?!.*changed).*theirs/);
});

test("a tab in which nothing was typed leaves what another one has typed since", async () => {
	await type("python", "print('old')\n");
	await visit(url);
	const idle = page;
	page = await context.newPage();
	await visit(url);
	await type("python", "print('new')\n");
	await page.goto("about:blank");
	await idle.goto("about:blank");
	assert.match(await visit(url), /new/);
});

test("output is shown as it appears, and again after a reload", async () => {
	await type("python", "import sys, time\nprint('first', flush=True)\nprint('oops', file=sys.stderr, flush=True)\ntime.sleep(100)\n");
	await page.click("#run");
	const shown = () => document.querySelector(".stdout pre")?.textContent === "first\n" && document.querySelector(".stderr pre")?.textContent === "oops\n";
	await until(page, shown);
	assert.equal(await page.textContent("#run"), "Stop");
	assert.match(await page.textContent("#state"), /^Running/);
	await page.reload();
	await ready();
	await until(page, shown);
	await page.click("#run");
	assert.equal(await result(), "Stopped");
	assert.ok(await page.evaluate(shown));
});

test("a program that asks is answered while it runs", async () => {
	await type("python", "import sys\nname = input('Name? ')\nprint('Hello', name)\nfor line in sys.stdin:\n    print(len(line))\n");
	await page.click("text=Input, arguments, cases");
	await page.check("#interactive");
	await page.click("#run");
	await page.waitForSelector("#line:focus");
	await until(page, () => document.querySelector(".stdout pre")?.textContent === "Name? ");
	await page.keyboard.type("Ada");
	await page.keyboard.press("Enter");
	await until(page, () => document.querySelector(".stdout pre").textContent === "Name? Ada\nHello Ada\n");
	await page.reload();
	await ready();
	await page.waitForSelector("#line:focus");
	await page.keyboard.type("four");
	await page.keyboard.press("Enter");
	await until(page, () => document.querySelector(".stdout pre").textContent === "Name? Hello Ada\nfour\n5\n");
	await page.keyboard.press("Control+D");
	assert.equal(await result(), "Finished");
	assert.equal(await page.locator(".typing").count(), 0);
});

test("where events are held back on the way, the result comes all the same", async () => {
	await page.route(/\/events$/, () => {}); /* no answer, as behind what gathers a whole one first */
	await type("python", "print('late')\n");
	assert.equal(await run(), "Finished");
	assert.equal(await stream("stdout"), "late\n");
});

test("50 MB of output leave the page quick", async () => {
	await type("anything", "import sys\nfor i in range(800): sys.stdout.write(('x' * 63 + '\\n') * 1024)\n");
	assert.equal(await run(), "Finished");
	assert.ok((await stream("stdout")).length <= 256 * 1024);
	assert.ok(await page.evaluate(() => document.querySelectorAll("*").length < 1000));
	assert.match(await page.textContent(".stdout .note"), /Not all of its 50\.0 MiB is shown/);
	const reply = await fetch(new URL(await page.getAttribute(".stdout .note a", "href"), url), { method: "HEAD" });
	assert.equal(reply.headers.get("content-length"), String(800 * 64 * 1024));
});

test("the queue shows what runs, and own jobs are cancelled, opened and run again", async () => {
	await type("python", "import time\ntime.sleep(100)\n");
	await page.click("#run");
	await running();
	await page.click("nav >> text=Queue");
	await page.waitForSelector("#queue .cards meter");
	await page.waitForSelector('#queue td:text("running")');
	/* The table is drawn anew all the time, and the focus stays where it is. */
	await page.focus('[aria-label^="Cancel job"]');
	const rows = await page.textContent('[aria-label="Waiting and running"]');
	await page.waitForSelector(`[aria-label="Waiting and running"]:not(:text-is(${JSON.stringify(rows)}))`);
	await page.keyboard.press("Enter");
	await page.waitForSelector('#queue td:text("Stopped")');
	await page.click('[aria-label^="Open job"]');
	assert.equal(await result(), "Stopped");
	await type("python", "print('again')\n");
	assert.equal(await run(), "Finished");
	await page.click("nav >> text=Queue");
	await page.click('[aria-label="Your jobs: Finished, 1"]');
	assert.equal(await page.locator('[aria-label="Your jobs"] tbody tr').count(), 1);
	await page.click('[aria-label^="Run job"]');
	assert.equal(await result(), "Finished");
	assert.equal(await stream("stdout"), "again\n");
});

test("the last hour is shown as plots, and in words", async () => {
	await page.click("nav >> text=Queue");
	await page.waitForSelector("#queue figure canvas");
	const captions = await page.locator("#queue figcaption:visible").allTextContents();
	assert.deepEqual(captions.map((text) => text.replace(/[0-9.]+/g, "N")).filter((text) => !text.startsWith("GPUs")), [
		"Jobs N running, N waiting", "Slots N of N in use", "Processors N of N in use", captions[3].replace(/[0-9.]+/g, "N")]);
	assert.match(captions[3], /^Memory .* of [0-9.]+ [MGT]iB$/);
});

test("the service goes and comes back", async () => {
	await type("python", "print('before')\n");
	await order("stop");
	await page.click("#run");
	await page.waitForSelector("#trouble.bad");
	assert.equal(await page.textContent("#trouble"), "The service does not answer.");
	await order("start");
	assert.equal(await run(), "Finished");
	assert.equal(await stream("stdout"), "before\n");
	assert.equal(await page.textContent("#trouble"), "");
});

test("the service goes while a job runs", async () => {
	await type("python", "import time\nprint('once', flush=True)\ntime.sleep(3)\nprint('end')\n");
	await page.click("#run");
	await page.waitForSelector(".stdout pre");
	await order("stop");
	await page.waitForSelector("#trouble.bad");
	assert.equal(await page.textContent("#trouble"), "The service is away; trying again. Nothing is lost.");
	await order("start");
	assert.equal(await result(), "Finished");
	assert.equal(await stream("stdout"), "once\nend\n");
	assert.equal(await page.textContent("#trouble"), "");
});

/* Tab, until the focus is on what is meant. */
async function tabTo(selector) {
	for (let i = 0; i < 60; i++) {
		if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
		await page.keyboard.press("Tab");
	}
	assert.fail(`not to be reached: ${selector}`);
}

test("with the keyboard alone", async () => {
	await tabTo("#task");
	await page.keyboard.type("python");
	await tabTo("#editor");
	await page.keyboard.press("Control+A");
	await page.keyboard.type("import part, sys\nprint(part.x, sys.argv[1])\n");
	await page.keyboard.press("Escape");
	await page.keyboard.press("Tab");
	await tabTo("#more summary");
	await page.keyboard.press("Enter");
	await tabTo("#args");
	await page.keyboard.type("word");
	await page.evaluate(() => document.activeElement.blur());
	await tabTo('[aria-label="Add a file"]');
	await page.keyboard.press("Enter");
	await page.keyboard.type("part.py");
	await page.keyboard.press("Enter");
	await page.keyboard.type("x = 'typed'\n");
	await page.keyboard.press("Control+Enter");
	assert.equal(await result(), "Finished");
	assert.equal(await stream("stdout"), "typed word\n");
	await page.keyboard.press("Escape");
	await page.keyboard.press("Tab");
	assert.notEqual(await page.evaluate(() => document.activeElement.id), "editor");
	await page.evaluate(() => document.activeElement.blur());
	await tabTo('nav a[href="#queue"]');
	await page.keyboard.press("Enter");
	await page.waitForSelector('[aria-label^="Open job"]');
	await tabTo('[aria-label^="Open job"]');
	await page.keyboard.press("Enter");
	await until(page, () => location.hash === "");
	assert.equal(await result(), "Finished");
	await page.evaluate(() => document.activeElement.blur());
	await tabTo("#token");
	await page.keyboard.press("Enter");
	await page.waitForSelector("#token-field:focus");
});

for (const [name, options] of [
	["on a phone", { viewport: { width: 360, height: 740 }, hasTouch: true }],
	["on a phone in the dark", { viewport: { width: 390, height: 844 }, colorScheme: "dark" }],
	["in the dark", { colorScheme: "dark" }],
	["in the light", { colorScheme: "light" }],
])
	test(`${name}: nothing is out of reach in any view`, async () => {
		await open(options);
		await assertReachable("at first");
		await type("python", "import time\nprint('x' * 300, flush=True)\ntime.sleep(100)\n");
		await page.click("#run");
		await page.waitForSelector(".stdout pre");
		await assertReachable("while it runs");
		await page.click("nav >> text=Queue");
		await page.waitForSelector("#queue figure:not([hidden]) canvas");
		await page.waitForSelector('[aria-label^="Cancel job"]');
		await assertReachable("the queue");
		await page.click('[aria-label^="Cancel job"]');
		await page.waitForSelector('[aria-label^="Forget job"]');
		await page.click("nav >> text=Playground");
		await result();
		await type("python", "import sys\nprint('\\x1b[31mred \\x1b[32mgreen \\x1b[33myellow\\x1b[0m', input())\n1 / 0\n");
		await page.click("text=Input, arguments, cases");
		await page.click("text=Add a case");
		await page.click("text=Add a case");
		assert.equal(await run(), "Ended with exit code 1");
		await assertReachable("with a result");
		await page.click("#token");
		await page.waitForSelector("#token-field");
		await assertReachable("the token");
		await page.goto(`${url}assets/example.html`);
		await page.waitForSelector("dockgate-run button");
		await page.click("dockgate-run >> nth=2 >> text=Run");
		await until(page, () => /Ended/.test(document.querySelectorAll("dockgate-run")[2].shadowRoot.querySelector("[role=status]").textContent));
		await assertReachable("the example");
	});

test("a first visit is light", async () => {
	let sum = 0;
	const sizes = [];
	await context.close();
	context = await browser.newContext();
	page = await context.newPage();
	page.on("response", (reply) => !reply.url().includes("/v1/") && sizes.push(reply.request().sizes().then(({ responseBodySize }) => responseBodySize)));
	await page.goto(url);
	await ready();
	await page.waitForLoadState("networkidle");
	for (const size of await Promise.all(sizes)) sum += size;
	assert.ok(sum > 10000 && sum <= FIRST_LOAD_MAX, `${sum} bytes`);
});

test("assets are kept, the page is not", async () => {
	const index = await page.request.get(url);
	assert.equal(index.headers()["cache-control"], "no-cache");
	assert.doesNotMatch(index.headers()["content-security-policy"], /unsafe/);
	const [, script] = (await index.text()).match(/src="(assets\/main_[0-9a-f]{64}\.js)"/);
	for (const address of [script, `executor/${script}`]) {
		const asset = await page.request.get(url + address, { headers: { "Accept-Encoding": "gzip" } });
		assert.equal(asset.headers()["cache-control"], "public, max-age=31536000, immutable");
		assert.equal(asset.headers()["content-encoding"], "gzip");
	}
	const plain = await fetch(url + script, { headers: { "Accept-Encoding": "identity" } });
	assert.equal(plain.headers.get("content-encoding"), null);
	assert.equal((await page.request.get(`${url}assets/none.js`)).status(), 404);
});

test("the page under /executor/ works, too", async () => {
	await page.goto(`${url}executor`);
	assert.equal(page.url(), `${url}executor/`);
	await ready();
	await page.selectOption("#task", "hello");
	assert.equal(await run(), "Finished");
});

test("behind Apache output is shown as it appears, too", async () => {
	for (const site of through) {
		await page.goto(`${site}executor/`);
		await ready();
		await type("bash", "echo first; read x; echo $x\n");
		await page.click("text=Input, arguments, cases");
		await page.check("#interactive");
		await page.click("#run");
		await until(page, () => document.querySelector(".stdout pre")?.textContent === "first\n");
		assert.match(await page.textContent("#state"), /^Running/);
		await page.locator("#line").fill("second");
		await page.keyboard.press("Enter");
		assert.equal(await result(), "Finished");
		assert.match(await stream("stdout"), /second\n$/);
		assert.ok(page.url().startsWith(site), page.url());
	}
});

test("a block of code in another site's page", async () => {
	const docs = await context.newPage();
	await docs.goto(`http://127.0.0.1:${other.address().port}/`);
	await docs.click("dockgate-run >> nth=0 >> text=Run");
	await docs.waitForSelector("dockgate-run pre");
	assert.equal(await docs.textContent("dockgate-run pre"), "<b>42\n");
	assert.equal(await docs.textContent("dockgate-run >> nth=0 >> [role=status]"), "Finished");
	await docs.click("dockgate-run >> nth=1 >> text=Run");
	await docs.waitForSelector("dockgate-run .bad");
	assert.match(await docs.textContent("dockgate-run .bad"), /task/);
	trouble = [];
});

test("the example page, on the service and on another site", async () => {
	for (const address of [`${url}assets/example.html`, `http://127.0.0.1:${other.address().port}/example`]) {
		await page.goto(address);
		const outcomes = [["[2, 3, 5, 7, 11, 13]\n", "Finished"], ["[1, 2, 3]\n", "Finished"], ["so far so good\n", "Ended with exit code 1"]];
		for (const [i, [output, verdict]] of outcomes.entries()) {
			await page.click(`dockgate-run >> nth=${i} >> text=Run`);
			await page.waitForSelector(`dockgate-run >> nth=${i} >> [role=status]:text("${verdict}")`);
			assert.equal(await page.textContent(`dockgate-run >> nth=${i} >> .stdout pre`), output);
		}
		assert.match(await page.textContent("dockgate-run >> nth=2 >> .stderr pre"), /IndexError/);
		await assertAccessible(address);
	}
	trouble = [];
});

test("a block shows output as it comes, and is stopped", async () => {
	await page.goto(`${url}assets/example.html`);
	await page.fill("dockgate-run >> nth=0 >> textarea", "import time\nprint('soon', flush=True)\ntime.sleep(100)\n");
	await page.press("dockgate-run >> nth=0 >> textarea", "Control+Enter");
	await page.waitForSelector('dockgate-run >> nth=0 >> .stdout pre:text("soon")');
	await page.click("dockgate-run >> nth=0 >> text=Stop");
	await page.waitForSelector('dockgate-run >> nth=0 >> [role=status]:text("Stopped")');
});

test("a site that is not let in is told so", async () => {
	await page.goto(`http://127.0.0.1:${stranger.address().port}/`);
	await page.click("text=Run");
	await page.waitForSelector("dockgate-run .bad");
	assert.equal(await page.textContent("dockgate-run .bad"), "The service does not answer, or does not let this site in (its origins).");
	trouble = [];
});
/* From here on the service wants to know who asks. */

async function openAs(name) {
	await open({}, { isReady: false });
	await page.waitForSelector("#token-field");
	await page.fill("#token-field", `token-of-${name}`);
	await page.keyboard.press("Enter");
	await ready();
}

tests["page: a token is asked for, and kept for the tab alone"] = async () => {
	await order("clients");
	await open({}, { isReady: false });
	await page.waitForSelector("#token-field");
	assert.equal(await page.textContent("#client .bad"), "This service wants to know who asks: give your token.");
	await assertAccessible("without a token");
	await page.fill("#token-field", "nobodys");
	await page.keyboard.press("Enter");
	await page.waitForSelector('#client .bad:text("The service does not know this token.")');
	await page.fill("#token-field", "token-of-ada");
	await page.keyboard.press("Enter");
	await ready();
	await type("anything", `import base64
print("x" * 600000)
open("dot.png", "wb").write(base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="))
`);
	assert.equal(await run(), "Finished");
	await until(page, () => document.querySelector(".files img")?.naturalWidth === 1);
	const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Download all of it")]);
	assert.equal(readFileSync(await download.path()).length, 600001);
	assert.ok(!(await page.evaluate(() => JSON.stringify(localStorage) + location.href)).includes("token-of"));
	await page.click("#token");
	await page.waitForSelector('#client p:text("You are ada.")');
	await page.click("text=Forget it");
	await page.waitForSelector('#client .bad:text("This service wants to know who asks")');
	assert.deepEqual(trouble, []);
};

tests["page: an operator sees, pauses, resumes and cancels everybody's jobs"] = async () => {
	const ask = (name, method, path, body) => fetch(`${url}v1/${path}`, { method, body: body && JSON.stringify(body),
		headers: { Authorization: `Bearer token-of-${name}`, "Content-Type": "application/json" } }).then((reply) => reply.json());
	const files = [{ content: "sleep 100\n" }];
	const ada = await ask("ada", "POST", "jobs", { task: "one", files });
	await openAs("bob");
	await page.click("nav >> text=Queue");
	await page.waitForSelector("#queue .cards meter");
	assert.ok(await page.isHidden("text=Pause the queue"));
	await page.waitForSelector('[aria-label="Waiting and running"] p, [aria-label="Waiting and running"] td');
	assert.equal(await page.locator('[aria-label^="Cancel job"]').count(), 0);

	await openAs("olga");
	await page.click("nav >> text=Queue");
	await page.waitForSelector('#queue td:text("ada")');
	await page.click("text=By task");
	await page.click('[aria-label="Pause task python"]');
	await page.waitForSelector('#queue p:text("Paused: python.")');
	const bob = await ask("bob", "POST", "jobs", { task: "python", files: [{ content: "print(1)\n" }] });
	await page.waitForSelector(`tr:has-text("${bob.id.slice(0, 12)}") >> text=waiting`);
	await page.click('[aria-label="Resume task python"]');
	await page.waitForSelector(`[aria-label="Ended jobs of all clients"] tr:has-text("${bob.id.slice(0, 12)}") >> text=Finished`);
	await page.click('[aria-label="Pause the queue"]');
	await page.waitForSelector('#queue strong:text("The queue is paused")');
	await assertAccessible("an operator's queue");
	await page.click('[aria-label="Resume the queue"]');
	await page.waitForSelector('[aria-label="Pause the queue"]');
	await page.click(`[aria-label="Cancel job ${ada.id.slice(0, 12)}"]`);
	await page.waitForSelector(`[aria-label="Ended jobs of all clients"] tr:has-text("${ada.id.slice(0, 12)}") >> text=Stopped`);
	assert.equal((await ask("ada", "GET", `jobs/${ada.id}`)).verdict, "cancelled");
	assert.deepEqual(trouble, []);
};
