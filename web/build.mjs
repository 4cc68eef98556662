/* SPDX-License-Identifier: MIT */
/*
 * Bundles the page: src/ and static/ into dist/, which stands in the tree so that nobody needs
 * Node to build or run the service. `--check`: fails where dist/ is not what the sources give.
 */
import { build } from "esbuild";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { minify } from "terser";

const root = dirname(fileURLToPath(import.meta.url));

/* The largest part, by some more: a first visit is to stay below 100 KiB. */
async function shrink(path) {
	const { code } = await minify(await readFile(path, "utf8"), { module: true, ecma: 2020, compress: { passes: 3, ecma: 2020 } });
	await writeFile(path, `${code}\n`);
}

async function bundle(out) {
	await rm(out, { recursive: true, force: true });
	await cp(join(root, "static"), out, { recursive: true });
	const common = {
		absWorkingDir: root,
		outdir: join(out, "assets"),
		bundle: true,
		minify: true,
		target: ["es2022"],
		legalComments: "none",
		logLevel: "warning",
	};
	await build({ ...common, entryPoints: ["src/main.js"], loader: { ".css": "text" }, splitting: true, format: "esm", chunkNames: "[name]-[hash]" });
	await build({ ...common, entryPoints: ["src/page.css"] });
	await build({ ...common, entryPoints: [{ in: "src/embed.js", out: "dockgate" }], format: "iife" });
	await shrink(join(out, "assets", "main.js"));
}

async function files(dir) {
	const found = new Map();
	for (const entry of await readdir(dir, { recursive: true, withFileTypes: true }))
		if (entry.isFile()) {
			const path = join(entry.parentPath ?? entry.path, entry.name);
			found.set(path.slice(dir.length + 1), await readFile(path));
		}
	return found;
}

async function check() {
	const fresh = await mkdtemp(join(tmpdir(), "dockgate-web-"));
	try {
		await bundle(fresh);
		const [is, should] = await Promise.all([files(join(root, "dist")), files(fresh)]);
		const wrong = [...new Set([...is.keys(), ...should.keys()])].filter((name) => !is.get(name) || !should.get(name)?.equals(is.get(name)));
		if (wrong.length) {
			console.error(`dist/ is not what the sources give: ${wrong.join(", ")}. Run: npm run build`);
			process.exitCode = 1;
		}
	} finally {
		await rm(fresh, { recursive: true, force: true });
	}
}

await (process.argv.includes("--check") ? check() : bundle(join(root, "dist")));
