/* SPDX-License-Identifier: MIT */
/* A job that ended: verdict, figures, output, cases, files. */
import { jobPath } from "./api.js";
import { h } from "./dom.js";
import { streamView, visible } from "./output.js";
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

function caseRow(it, i, context) {
	const views = [streamView("stdout", it.stdout, context), streamView("stderr", it.stderr, context)].filter(Boolean);
	return h("details", { class: isGood(it.verdict) ? "good" : "bad", open: !isGood(it.verdict) && i < 5 },
		h("summary", {}, `Case ${visible(it.name ?? String(i + 1))}: `, h("strong", {}, verdictWords(it)), " ",
			h("span", { class: "dim" }, figures(it).map(([what, value]) => `${what} ${value}`).join(", "))),
		...(views.length ? views : [h("p", { class: "note" }, "It printed nothing.")]));
}

/* Pictures are shown as pictures, whatever else they may be; nothing of a job is ever a document here. */
function fileRow(job, file) {
	const href = jobPath(job.id, `/files/${file.name.split("/").map(encodeURIComponent).join("/")}`);
	const name = visible(file.name);
	return h("li", {},
		IMAGES.includes(file.type) ? h("img", { src: href, alt: name, loading: "lazy" }) : null,
		h("a", { href, download: file.name.split("/").pop() }, name), ` ${bytes(file.bytes)}`);
}

const fileList = (job) =>
	job.files?.length
		? h("section", { class: "files", "aria-label": "Files" }, h("h2", {}, "Files"), h("ul", {}, ...job.files.map((file) => fileRow(job, file))))
		: null;

/** `names`, `goTo`: see streamView(). */
export function resultView(job, { names, goTo }) {
	const context = { names, goTo };
	const cases = job.cases ?? [];
	const build = job.build && (job.build.stderr?.bytes > 0 || job.build.stdout?.bytes > 0)
		? h("section", { class: "build" }, h("h2", {}, "Compiler"),
			streamView("stdout", job.build.stdout, context), streamView("stderr", job.build.stderr, context))
		: null;
	const streams = cases.length || job.verdict === "build_failed" ? [] : [
		streamView("stdout", job.stdout, { ...context, href: jobPath(job.id, "/stdout") }),
		streamView("stderr", job.stderr, { ...context, href: jobPath(job.id, "/stderr") }),
	].filter(Boolean);
	return [
		banner(job),
		build,
		...streams,
		!streams.length && !cases.length && job.verdict === "ok" ? h("p", { class: "note" }, "It printed nothing.") : null,
		...cases.map((it, i) => caseRow(it, i, context)),
		fileList(job),
	];
}
