/* SPDX-License-Identifier: MIT */
/* Write a program, run it, see what it did. Wires the parts; what is typed is in program.js. */
import { call, get, jobPath } from "./api.js";
import { casesTable } from "./cases.js";
import { $, fill, h } from "./dom.js";
import { createEditor } from "./editor.js";
import { fileTabs } from "./files.js";
import { remember } from "./jobs.js";
import { load, program, replace, request, save, saveNow, saveRest } from "./program.js";

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
	$("#interactive").checked = program.interactive;
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

function goTo(name, line, column) {
	const index = program.files.findIndex((file) => fileName(file) === name);
	if (index < 0) return;
	tabs.draw(index);
	show(index);
	editor.goTo(line, column);
}

async function watch(id, interactive, typed) {
	current = { id, abort: new AbortController() };
	setRunning(true);
	sessionStorage.setItem(RUNNING, JSON.stringify({ id, interactive }));
	try {
		const { showRun } = await import("./run.js").catch(() => {
			throw new Error("A part of the page could not be loaded. Reload the page: the job goes on.");
		});
		await showRun(id, $("#result"), {
			names: program.files.map(fileName), goTo, interactive, typed, say, signal: current.abort.signal,
			state: (text) => ($("#state").textContent = text),
		});
		say("");
		sessionStorage.removeItem(RUNNING);
	} catch (e) {
		$("#state").textContent = "";
		say(e.status === 404 ? "The job is gone: its time was over." : e.message, true);
		if (e.status) sessionStorage.removeItem(RUNNING);
	} finally {
		current = null;
		setRunning(false);
	}
}

/* What is wrong is said where it was typed. */
function sayArgs(text) {
	$("#args-trouble").textContent = text;
	$("#args").setAttribute("aria-invalid", String(text !== ""));
	if (!text) return;
	$("#more").open = true;
	$("#args").focus();
}

function requested() {
	try {
		sayArgs("");
		return request();
	} catch (e) {
		sayArgs(e.message);
		return null;
	}
}

async function run() {
	if (current) return stop();
	say("");
	const body = requested();
	if (!body) return;
	fill($("#result"));
	document.title = "dockgate";
	saveNow();
	current = {}; /* what is on its way cannot be sent twice, nor stopped yet */
	try {
		setRunning(true);
		$("#state").textContent = "Sending";
		const { id } = await call("POST", "v1/jobs", body);
		const interactive = body.stdin === "open";
		remember(id, program.task, interactive);
		await watch(id, interactive, interactive ? program.stdin : "");
	} catch (e) {
		current = null;
		setRunning(false);
		$("#state").textContent = "";
		say(await refusal(e), true);
	}
}

/* Where it arose, in the page's words. */
async function refusal(e) {
	if (e.retry_s) return `${e.message} Try again in ${e.retry_s} s.`;
	if (e.status !== 400) return e.message;
	const { whereWords } = await import("./trouble.js").catch(() => ({ whereWords: (text) => text }));
	return whereWords(e.message, program.files.map(fileName));
}

async function stop() {
	if (!current.id || current.stopping) return;
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

/* The address stays until something is changed: a reload shows the same again. */
async function fromLink() {
	if (!location.hash.startsWith("#p=")) return false;
	try {
		const { fromLink: read } = await import("./share.js");
		replace(await read(location.hash));
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
	tabs = fileTabs($("#tabs"), $("#source"), { mainName, onShow: show, onTrouble: (text) => ($("#files-trouble").textContent = text), focus: () => editor.focus() });
	cases = casesTable($("#cases"));
	$("#task").addEventListener("change", (e) => chooseTask(e.target.value));
	$("#interactive").addEventListener("change", (e) => ((program.interactive = e.target.checked), save()));
	$("#args").addEventListener("input", () => sayArgs(""));
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
	addEventListener("pagehide", saveRest);
}

/** Opens an earlier job's result here. */
export async function openJob(id, interactive) {
	if (current) return say("A job is shown here until it ends, or is stopped.", true);
	say("");
	await watch(id, interactive);
}

/* What ran when the page was left. */
function resume() {
	try {
		const { id, interactive } = JSON.parse(sessionStorage.getItem(RUNNING)) ?? {};
		if (/^[0-9a-f]{64}$/.test(id)) void watch(id, interactive);
	} catch { /* none, or nothing to be made of it */ }
}

/** `onUnknown(why)`: the service wants to know who asks. */
export async function startPlayground(onUnknown) {
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
			if (e.status === 401) return onUnknown("This service wants to know who asks: give your token.");
			say(`${e.message} Trying again.`, true);
			await new Promise((done) => setTimeout(done, 2000));
		}
	}
	showAll();
	resume();
}

