/* SPDX-License-Identifier: MIT */
/* Write a program, run it, see what it did. Wires the parts; what is typed is in program.js. */
import { call, follow, get, jobPath, Problem } from "./api.js";
import { casesTable } from "./cases.js";
import { $, fill, h } from "./dom.js";
import { createEditor } from "./editor.js";
import { fileTabs } from "./files.js";
import { remember, settle } from "./jobs.js";
import { load, program, replace, request, save, saveNow } from "./program.js";

const RUNNING = "dockgate.running"; /* the job that a reload picks up again */

let tasks = [];
let editor;
let tabs;
let cases;
let current = null; /* { id, abort, stopping } */

const task = () => tasks.find(({ name }) => name === program.task);
const mainName = () => task()?.main ?? "main";
const fileName = (file) => file.name || mainName();

function say(text, bad = false) {
	$("#trouble").textContent = text;
	$("#trouble").className = bad ? "bad" : "";
}

/* ---- the program ---- */

function show(index = 0) {
	const file = program.files[index];
	const binary = file.base64 !== undefined;
	$("#binary").hidden = !binary;
	$("#editor").hidden = binary;
	if (!binary) editor.open(file.text, fileName(file));
}

function showAll() {
	$("#task").value = program.task;
	$("#stdin").value = program.stdin;
	$("#args").value = program.args;
	$("#describe").textContent = task()?.description ?? "";
	tabs.draw(0);
	cases.draw();
	show(0);
}

/* Another task brings its example, unless something of the user's own would be lost. */
function chooseTask(name) {
	const old = task();
	const untouched = program.files.length === 1 && [old?.example ?? "", ""].includes(program.files[0].text);
	program.task = name;
	if (untouched) program.files = [{ name: "", text: task()?.example ?? "" }];
	save();
	showAll();
}

function addTasks(list) {
	tasks = list;
	fill($("#task"), ...tasks.map(({ name }) => h("option", { value: name }, name)));
	if (!task()) program.task = (tasks.find(({ name }) => name === "python") ?? tasks.find(({ example }) => example) ?? tasks[0])?.name ?? "";
	if (program.files.length === 1 && program.files[0].text === "" && task()?.example) program.files[0].text = task().example;
}

/* ---- a run ---- */

function setRunning(on) {
	const button = $("#run");
	button.textContent = on ? "Stop" : "Run";
	button.classList.toggle("stop", on);
	document.body.classList.toggle("running", on);
}

function showState(job) {
	const words = {
		queued: job.position > 1 ? `Waiting: ${job.position - 1} ahead` : "Waiting: next",
		running: "Running",
		done: "",
	};
	$("#state").textContent = words[job.state];
}

const resultPart = () => import("./result.js");

async function showResult(job) {
	const { isGood, resultView } = await resultPart();
	$("#state").textContent = "";
	const context = { names: program.files.map(fileName), goTo };
	fill($("#result"), ...resultView(job, context));
	document.title = `${isGood(job.verdict) ? "✓" : "✗"} dockgate`;
	settle(job.id, job.verdict);
}

function goTo(name, line, column) {
	const index = program.files.findIndex((file) => fileName(file) === name);
	if (index < 0) return;
	tabs.draw(index);
	show(index);
	editor.goTo(line, column);
}

async function watch(id) {
	current = { id, abort: new AbortController() };
	setRunning(true);
	sessionStorage.setItem(RUNNING, id);
	try {
		const job = await follow(jobPath(id), {
			onState: showState,
			onAway: (away) => say(away ? "The service is away; trying again. Nothing is lost." : "", away),
			signal: current.abort.signal,
		});
		await showResult(job);
		say("");
	} catch (e) {
		if (e.name !== "AbortError") say(e.status === 404 ? "The job is gone: its time was over." : e.message, true);
	} finally {
		sessionStorage.removeItem(RUNNING);
		current = null;
		setRunning(false);
	}
}

async function run() {
	if (current) return stop();
	say("");
	fill($("#result"));
	document.title = "dockgate";
	saveNow();
	try {
		setRunning(true);
		$("#state").textContent = "Sending";
		resultPart().catch(() => {}); /* comes while the job runs */
		const job = await call("POST", "v1/jobs", request());
		remember(job.id, program.task);
		showState(job);
		await watch(job.id);
	} catch (e) {
		setRunning(false);
		$("#state").textContent = "";
		say(e instanceof Problem && e.retry_s ? `${e.message} Try again in ${e.retry_s} s.` : e.message, true);
	}
}

async function stop() {
	if (!current || current.stopping) return;
	current.stopping = true;
	$("#state").textContent = "Stopping";
	try {
		await call("DELETE", jobPath(current.id));
	} catch (e) {
		current.stopping = false;
		say(e.message, true);
	}
}

/* ---- start ---- */

async function share() {
	const { toLink } = await import("./share.js");
	const link = await toLink(program);
	history.replaceState(null, "", link);
	try {
		await navigator.clipboard.writeText(location.href);
		say("The link is copied. The whole program is in it; nothing was stored.");
	} catch {
		say("The address above is the link. The whole program is in it; nothing was stored.");
	}
}

async function fromLink() {
	if (!location.hash.startsWith("#p=")) return false;
	try {
		const { fromLink: read } = await import("./share.js");
		replace(await read(location.hash));
		history.replaceState(null, "", location.pathname);
		return true;
	} catch {
		say("The link is damaged; here is what you had.", true);
		return false;
	}
}

function wire() {
	editor = createEditor($("#editor"), {
		onChange: (text) => ((program.files[tabs.active()].text = text), save()),
		onRun: run,
	});
	tabs = fileTabs($("#tabs"), $("#source"), { mainName, onShow: show, onTrouble: (text) => say(text, true), focus: () => editor.focus() });
	cases = casesTable($("#cases"));
	$("#task").addEventListener("change", (e) => chooseTask(e.target.value));
	for (const name of ["stdin", "args"])
		$(`#${name}`).addEventListener("input", (e) => ((program[name] = e.target.value), save()));
	$("#run").addEventListener("click", run);
	$("#share").addEventListener("click", share);
	document.addEventListener("keydown", (e) => {
		if ((e.ctrlKey || e.metaKey) && e.key === "Enter" && !e.defaultPrevented) {
			e.preventDefault();
			void run();
		}
	});
	addEventListener("pagehide", saveNow);
}

/** Opens an earlier job's result here. */
export async function openJob(id) {
	if (!current) await watch(id);
}

export async function startPlayground() {
	wire();
	load();
	await fromLink();
	for (;;) {
		try {
			addTasks((await get("v1/tasks")).tasks);
			say("");
			break;
		} catch (e) {
			showAll();
			say(`${e.message} Trying again.`, true);
			await new Promise((done) => setTimeout(done, 2000));
		}
	}
	showAll();
	const id = sessionStorage.getItem(RUNNING);
	if (id) void watch(id);
}

