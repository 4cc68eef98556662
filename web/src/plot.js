/* SPDX-License-Identifier: MIT */
/* What was in use over the last hour, of each kind of thing that a machine has. */
import uPlot from "uplot";
import { h } from "./dom.js";
import { bytes } from "./verdict.js";

const MIB = 1024 * 1024;
const HEIGHT = 150;
const HOUR_S = 3600;
const LEAST_S = 900; /* of a service that has just begun */

/* title, what is drawn of a sample: [label, colour, value], the words for now, is there any of it? */
const CHARTS = [
	{ title: "Jobs", series: [["running", "--good", (s) => s.running], ["waiting", "--accent", (s) => s.waiting]],
		now: (s) => `${s.running} running, ${s.waiting} waiting` },
	{ title: "Slots", series: [["in use", "--good", (s) => s.slots_used], ["all", "--dim", (s) => s.slots]],
		now: (s) => `${s.slots_used} of ${s.slots} in use` },
	{ title: "Processors", series: [["in use", "--good", (s) => s.cpus_used], ["all", "--dim", (s) => s.cpus]],
		now: (s) => `${s.cpus_used} of ${s.cpus} in use` },
	{ title: "Memory", series: [["in use", "--good", (s) => s.memory_used_bytes / MIB], ["all", "--dim", (s) => s.memory_bytes / MIB]],
		now: (s) => `${bytes(s.memory_used_bytes)} of ${bytes(s.memory_bytes)}`, show: (v) => bytes(v * MIB) },
	{ title: "GPUs", series: [["in use", "--good", (s) => s.gpus_used], ["all", "--dim", (s) => s.gpus]],
		now: (s) => `${s.gpus_used} of ${s.gpus} in use`, has: (s) => s.gpus > 0 },
];

/* In the page's colours as they are now. */
function chartOf(host, { series, show }) {
	const style = getComputedStyle(document.body);
	const colour = (name) => style.getPropertyValue(name).trim();
	const axis = { stroke: colour("--dim"), grid: { stroke: colour("--edge"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
	return new uPlot({
		width: Math.max(160, host.clientWidth), height: HEIGHT,
		legend: { live: false },
		cursor: { show: false },
		scales: { x: { range: (_, from) => [Math.max(Date.now() / 1000 - HOUR_S, Math.min(from, Date.now() / 1000 - LEAST_S)), Date.now() / 1000] }, y: { range: (_, __, max) => [0, Math.max(1, max) * 1.05] } },
		axes: [
			{ ...axis, space: 60, values: (_, at) => at.map((s) => new Date(s * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })) },
			{ ...axis, size: 56, space: 30, values: (_, at) => at.map((v) => (show ? show(v) : Number.isInteger(v) ? String(v) : "")) },
		],
		series: [{}, ...series.map(([label, name]) => ({ label, stroke: colour(name), width: name === "--dim" ? 1 : 2, dash: name === "--dim" ? [4, 4] : undefined,
			fill: name === "--good" ? `${colour(name)}22` : undefined, points: { show: false } }))],
	}, [[], ...series.map(() => [])], host);
}

/** Charts in `host`; the function takes the samples of /v1/queue/history. */
export function plots(host) {
	const charts = CHARTS.map((of) => {
		const now = h("span", { class: "dim" });
		const area = h("div", { "aria-hidden": "true" });
		const el = h("figure", { class: "card", hidden: true }, h("figcaption", {}, h("strong", {}, of.title), " ", now), area);
		host.append(el);
		return { of, now, area, el, chart: null };
	});
	let last = [];

	function draw() {
		const latest = last.at(-1);
		for (const it of charts) {
			it.el.hidden = !latest || (it.of.has && !last.some(it.of.has));
			if (it.el.hidden) continue;
			it.now.textContent = it.of.now(latest);
			it.chart ??= chartOf(it.area, it.of);
			it.chart.setData([last.map(({ at }) => Date.parse(at) / 1000), ...it.of.series.map(([, , value]) => last.map(value))]);
		}
	}

	addEventListener("resize", () => charts.forEach(({ chart, area }) => chart?.setSize({ width: Math.max(160, area.clientWidth), height: HEIGHT })));
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
		for (const it of charts) {
			it.chart?.destroy();
			it.chart = null;
		}
		draw();
	});
	return (samples) => ((last = samples), draw());
}
