/* SPDX-License-Identifier: MIT */
/* Jobs over time. */
import uPlot from "uplot";

export function plot(host) {
	const style = getComputedStyle(document.body);
	const colour = (name) => style.getPropertyValue(name).trim();
	const axis = { stroke: colour("--dim"), grid: { stroke: colour("--edge") }, ticks: { stroke: colour("--edge") } };
	const size = () => ({ width: Math.max(200, host.clientWidth), height: 180 });
	const chart = new uPlot({
		...size(),
		legend: { live: false },
		cursor: { show: false },
		scales: { x: { range: () => [Date.now() / 1000 - 3600, Date.now() / 1000] }, y: { range: (_, __, max) => [0, Math.max(2, max)] } },
		axes: [axis, axis],
		series: [{}, { label: "running", stroke: colour("--good"), width: 2 }, { label: "waiting", stroke: colour("--accent"), width: 2 }],
	}, [[], [], []], host);
	addEventListener("resize", () => chart.setSize(size()));
	return ({ at, running, waiting }) => chart.setData([at, running, waiting]);
}
