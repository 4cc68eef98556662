// SPDX-License-Identifier: MIT
// A site in which everything loads in every way there is, before and after a release.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { openPage } from "./browser.mjs";
import { serve } from "./serve.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const SITE = join(HERE, "site");
const TOOL = join(process.env.DOCKGATE_BUILD ?? join(HERE, "../../build"), "release_website");
const MARK = /_[0-9a-f]{64}(?=\.(js|css)$)/;

async function list(root, directory = root) {
	const found = [];
	for (const entry of await readdir(directory, { withFileTypes: true })) {
		const path = join(directory, entry.name);
		if (entry.isDirectory())
			found.push(...await list(root, path));
		else
			found.push(relative(root, path));
	}
	return found.sort();
}

async function withRelease(use) {
	const top = await mkdtemp(join(tmpdir(), "release-browser-"));
	try {
		const dst = join(top, "dst");
		execFileSync(TOOL, ["--strict", "--quiet", SITE, dst], { stdio: "inherit" });
		await use(dst);
	} finally {
		await rm(top, { recursive: true });
	}
}

/** All that the first page shows and says, and what was asked for on the way. */
async function visit(browser, root) {
	const server = await serve(root);
	const { page, requests, faults, close } = await openPage(browser);
	try {
		await page.goto(`${server.url}/index.html`);
		const expected = (await page.getAttribute("body", "data-expected")).split(" ")
			.map(decodeURIComponent).sort();
		await page.waitForFunction(keys => keys.every(key => key in window.said), expected,
			{ timeout: 30000 }).catch(() => {});
		const said = await page.evaluate(() => window.said);
		assert.deepEqual(Object.keys(said).sort(), expected, faults.join("\n"));
		const styles = await page.evaluate(() => ["one", "two", "three", "dot"].map(id => {
			const style = getComputedStyle(document.getElementById(id));
			return [id, style.color, style.letterSpacing, style.width];
		}));
		const text = await page.evaluate(() => document.body.innerText);
		const picture = await page.screenshot();
		assert.deepEqual(faults, []);
		const paths = requests.filter(url => url.startsWith(server.url))
			.map(url => decodeURIComponent(new URL(url).pathname).slice(1));
		return { said, styles, text, picture, paths: [...new Set(paths)].sort() };
	} finally {
		await close();
		await server.close();
	}
}

export async function the_site_shows_what_it_showed(browser) {
	const before = await visit(browser, SITE);
	await withRelease(async dst => {
		const after = await visit(browser, dst);
		for (const what of ["said", "styles", "text"])
			assert.deepEqual(after[what], before[what], what);
		assert.ok(after.picture.equals(before.picture), "the pictures of both differ");
		assert.deepEqual(after.paths.map(path => path.replace(MARK, "")).sort(), before.paths);
		for (const path of after.paths)
			assert.ok(!/\.(js|css)$/.test(path) || MARK.test(path), `old name asked for: ${path}`);
	});
}

export async function every_script_and_sheet_is_asked_for(browser) {
	await withRelease(async dst => {
		const { paths } = await visit(browser, dst);
		const files = (await list(dst)).filter(path => /\.(js|css)$/.test(path));
		assert.deepEqual(files.filter(path => !paths.includes(path)), []);
	});
}

export async function source_maps_name_files_that_are_there() {
	await withRelease(async dst => {
		const map = JSON.parse(await readFile(join(dst, "js/app.js.map"), "utf8"));
		for (const path of [map.file, ...map.sources])
			assert.match(path, MARK);
		await readFile(join(dst, "js", map.file));
		await readFile(join(dst, "js", map.sources[0]));
	});
}
