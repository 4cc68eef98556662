/* SPDX-License-Identifier: MIT */
/* A job that ended: verdict, figures, output, cases, files. */
import { ask, client, jobPath } from "./api.js";
import { h } from "./dom.js";
import { outputStream, visible } from "./output.js";
import { bytes, figures, isGood, limitName, verdictWords } from "./verdict.js";

export { isGood };

const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

const figureList = (it) =>
	h("dl", { class: "figures" }, ...figures(it).map(([what, value]) => h("div", {}, h("dt", {}, what), h("dd", {}, value))));

function banner(job) {
	return h("div", { class: `verdict ${isGood(job.verdict) ? "good" : "bad"}`, role: "status" },
		h("strong", {}, verdictWords(job)),
		job.error ? h("p", {}, visible(job.error)) : null,
		job.note ? h("p", {}, visible(job.note)) : null,
		...(job.limits_hit ?? []).filter((name) => name !== job.limit?.name)
			.map((name) => h("p", {}, `A limit was reached on the way: ${limitName(name)}`)),
		figureList(job));
}

/* ---- what is fetched ---- */

/* Bytes of a job as an address of this page; as `type`, whatever they are. */
async function blobOf(href, type) {
	const data = await (await ask("GET", href)).arrayBuffer();
	return URL.createObjectURL(new Blob([data], { type }));
}

/* A link cannot carry a token: then the bytes are fetched first, and saved as what can never run. */
function saveLink(href, name, text) {
	/* A name that turns itself around must not do so in the folder of downloads. */
	const safe = visible(name).replace(/[\u27e8\u27e9]/g, "_");
	const link = h("a", { href, download: safe }, text);
	link.addEventListener("click", async (e) => {
		if (!client.token || link.protocol === "blob:") return;
		e.preventDefault();
		try {
			link.href = await blobOf(href, "application/octet-stream");
			link.click();
		} catch (error) {
			link.after(h("span", { class: "bad", role: "alert" }, ` ${error.message}`));
		}
	});
	return link;
}

function picture(href, type, alt) {
	const img = h("img", { alt, loading: "lazy" });
	if (client.token) blobOf(href, type).then((address) => (img.src = address), () => img.remove());
	else img.src = href;
	return img;
}

/* A name that is not UTF-8 comes as base64, too: its address is its bytes. */
const addressOf = ({ name, name_base64: whole }) =>
	whole === undefined
		? name.split("/").map(encodeURIComponent).join("/")
		: atob(whole).replace(/[^\w.~/-]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`);

/* Pictures are shown as pictures, whatever else they may be; nothing of a job is ever a document here. */
function fileRow(job, file) {
	const href = jobPath(job.id, `/files/${addressOf(file)}`);
	const name = visible(file.name);
	return h("li", {}, IMAGES.includes(file.type) ? picture(href, file.type, name) : null,
		saveLink(href, file.name.split("/").pop(), name), ` ${bytes(file.bytes)}`);
}

const fileList = (job) =>
	job.files?.length
		? h("section", { class: "files", "aria-label": "Files" }, h("h2", {}, "Files"), h("ul", {}, ...job.files.map((file) => fileRow(job, file))))
		: null;

/* ---- streams ---- */

/* The step's streams that are not empty: as they were drawn while it ran, else from the answer. */
function streams(step, it, { context, live, links }) {
	return ["stdout", "stderr"].map((name) => {
		const info = it?.[name];
		const drawn = live?.find(step, name);
		if (!drawn && !info?.bytes) return null;
		const made = drawn ?? outputStream(name, context);
		if (!drawn && info.content !== undefined) made.write(info);
		made.end(info, links?.(name));
		return made.el.hidden && !info?.bytes ? null : made.el;
	}).filter(Boolean);
}

function caseRow(it, i, parts) {
	const views = streams(i, it, parts);
	return h("details", { class: isGood(it.verdict) ? "good" : "bad", open: it.verdict !== null && !isGood(it.verdict) && i < 5 },
		h("summary", {}, `Case ${visible(it.name ?? String(i + 1))}: `, h("strong", {}, verdictWords(it)), " ",
			h("span", { class: "dim" }, figures(it).map(([what, value]) => `${what} ${value}`).join(", "))),
		it.checker_message ? h("p", {}, visible(it.checker_message)) : null,
		...(views.length || it.verdict === null ? views : [h("p", { class: "note" }, "It printed nothing.")]));
}

/** `context`: see outputStream(). `live`: {find(step, name)}, streams that are drawn already, or null. */
export function resultView(job, context, live) {
	const parts = { context, live };
	const cases = job.cases ?? [];
	const built = streams("build", job.build, parts);
	const link = (name) => saveLink(jobPath(job.id, `/${name}`), `${name}.txt`, "Download all of it");
	const own = cases.length || job.verdict === "build_failed" ? [] : streams(0, job, { ...parts, links: link });
	return [
		banner(job),
		built.length ? h("section", { class: "build" }, h("h2", {}, job.build?.cached ? "Compiler, from an earlier run of the same files" : "Compiler"), ...built) : null,
		...own,
		!own.length && !cases.length && job.verdict === "ok" ? h("p", { class: "note" }, "It printed nothing.") : null,
		...cases.map((it, i) => caseRow(it, i, parts)),
		fileList(job),
	];
}
