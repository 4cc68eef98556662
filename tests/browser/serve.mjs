// SPDX-License-Identifier: MIT
// Files of a directory over HTTP on loopback, as a plain web server gives them.
import { createServer } from "node:http";
import { readFile, stat } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

const TYPES = {
	".html": "text/html", ".htm": "text/html", ".css": "text/css", ".js": "text/javascript",
	".svg": "image/svg+xml", ".map": "application/json", ".webmanifest": "application/manifest+json",
};

async function answer(root, request, response) {
	try {
		let path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
		path = join(root, normalize(path));
		if ((await stat(path)).isDirectory())
			path = join(path, "index.html");
		const body = await readFile(path);
		response.writeHead(200, {
			"Content-Type": TYPES[extname(path).toLowerCase()] ?? "application/octet-stream",
			"Cache-Control": "no-store",
		});
		response.end(body);
	} catch {
		response.writeHead(404, { "Content-Type": "text/plain" });
		response.end("not found\n");
	}
}

/** { url, close }: a server of the files below root. */
export async function serve(root) {
	const server = createServer((request, response) => answer(root, request, response));
	await new Promise(resolve => server.listen(0, "127.0.0.1", resolve));
	return {
		url: `http://127.0.0.1:${server.address().port}`,
		close: () => new Promise(resolve => {
			server.close(resolve);
			server.closeAllConnections();
		}),
	};
}
