/* SPDX-License-Identifier: MIT */
/*
 * A runnable block of code in somebody's page:
 *
 *	<script src="https://run.example/assets/dockgate.js"></script>
 *	<dockgate-run task="python">print(6 * 7)</dockgate-run>
 *
 * Attributes: task, name (of the file), stdin, server (another service than the script's), readonly.
 * The operator of the service allows the page's origin (`origins`).
 */
import { call, jobPath } from "./api.js";
import { h } from "./dom.js";
import { outputStream } from "./output.js";
import { isGood, verdictWords, waitingWords } from "./verdict.js";
import { watchJob } from "./watch.js";

const script = document.currentScript?.src ?? location.href;

const STYLE = `
:host { display: block; margin: 1em 0; color-scheme: light dark; font: 14px/1.45 ui-monospace, Menlo, Consolas, monospace;
	--dg-edge: light-dark(#d5dae0, #343a41); --dg-field: light-dark(#fff, #16181b); --dg-text: light-dark(#1b1f24, #e6e8ea);
	--dg-accent: light-dark(#0b57d0, #8ab4f8); --dg-on: light-dark(#fff, #10151c); --dg-bad: light-dark(#b3261e, #ff9a91); --dg-good: light-dark(#116932, #7bd88f); }
.box { border: 1px solid var(--dg-edge); border-radius: 6px; overflow: hidden; background: var(--dg-field); color: var(--dg-text); }
textarea, pre { display: block; width: 100%; box-sizing: border-box; margin: 0; padding: .7em .9em; border: 0; background: none; color: inherit; font: inherit; tab-size: 4; }
textarea { resize: vertical; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24em; overflow: auto; border-top: 1px solid var(--dg-edge); unicode-bidi: isolate; }
.stream h2 { display: none; }
.stream .note { margin: 0; padding: .2em .9em .6em; color: inherit; opacity: .8; }
.stderr pre, .bad { color: var(--dg-bad); }
[hidden] { display: none !important; }
.bold { font-weight: 700; } .line { text-decoration: underline; }
.fg1, .fg9 { color: var(--dg-bad); } .fg2, .fg10 { color: var(--dg-good); } .fg4, .fg12 { color: var(--dg-accent); }
.good { color: var(--dg-good); }
.bar { display: flex; gap: .8em; align-items: center; padding: .4em .6em; border-top: 1px solid var(--dg-edge); font: 13px/1.4 system-ui, sans-serif; }
button { font: inherit; font-weight: 600; padding: .25em 1em; border: 0; border-radius: 5px; cursor: pointer; background: var(--dg-accent); color: var(--dg-on); }
:focus-visible { outline: 2px solid var(--dg-accent); outline-offset: -2px; }
`;

class DockgateRun extends HTMLElement {
	#parts;
	#running = null;

	connectedCallback() {
		if (this.#parts) return;
		/* The parser may not have read our text yet where the script comes first. */
		if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => this.#build(), { once: true });
		else this.#build();
	}

	disconnectedCallback() {
		this.#running?.abort();
	}

	#build() {
		const code = this.textContent.replace(/^\s*\n/, "").trimEnd();
		const root = this.attachShadow({ mode: "open" });
		const sheet = new CSSStyleSheet();
		sheet.replaceSync(STYLE);
		root.adoptedStyleSheets = [sheet];
		this.#parts = {
			code: h("textarea", { rows: String(code.split("\n").length + 1), spellcheck: "false", "aria-label": "Source", readonly: this.hasAttribute("readonly"),
				on: { keydown: (e) => (e.ctrlKey || e.metaKey) && e.key === "Enter" && (e.preventDefault(), this.#toggle()) } }, code),
			button: h("button", { type: "button", title: "Ctrl+Enter", on: { click: () => this.#toggle() } }, "Run"),
			state: h("span", { role: "status" }),
			out: h("div"),
			streams: new Map(),
		};
		const { code: field, button, state, out } = this.#parts;
		root.append(h("div", { class: "box" }, field, h("div", { class: "bar" }, button, state), out));
	}

	get #base() {
		return new URL(this.getAttribute("server") ?? "..", this.hasAttribute("server") ? location.href : script).href.replace(/\/?$/, "/");
	}

	#say(text, kind = "") {
		this.#parts.state.textContent = text;
		this.#parts.state.className = kind;
	}

	async #toggle() {
		if (this.#running) {
			if (this.#running.address) await call("DELETE", this.#running.address).catch((e) => this.#say(e.message, "bad"));
			return;
		}
		this.#running = new AbortController();
		this.#parts.button.textContent = "Stop";
		this.#clear();
		try {
			this.#show(await this.#run(this.#running));
		} catch (e) {
			if (e?.name !== "AbortError") this.#say(e.message, "bad");
		}
		this.#running = null;
		this.#parts.button.textContent = "Run";
	}

	async #run(running) {
		const name = this.getAttribute("name");
		const stdin = this.getAttribute("stdin");
		const base = this.#base; /* this block's, whatever other blocks do meanwhile */
		this.#say("Sending");
		const job = await call("POST", `${base}v1/jobs`, {
			task: this.getAttribute("task") ?? "",
			files: [{ ...(name ? { name } : {}), content: this.#parts.code.value }],
			...(stdin ? { stdin: { content: stdin } } : {}),
		});
		running.address = base + jobPath(job.id);
		return watchJob(running.address, {
			onState: (it) => this.#say(it.state === "queued" ? waitingWords(it) : "Running"),
			onAttempt: () => this.#clear(),
			onOutput: (step, stream, piece) => this.#stream(stream, step).write(piece),
			onAway: (away) => away && this.#say("The service is away; trying again", "bad"),
		}, running.signal);
	}

	#clear() {
		this.#parts.streams = new Map();
		this.#parts.out.replaceChildren();
	}

	/* What a compiler that went well had to say is left out in the end. */
	#stream(name, step = 0) {
		const { streams, out } = this.#parts;
		const key = step === "build" ? `build ${name}` : name;
		if (!streams.has(key)) {
			streams.set(key, outputStream(name));
			out.append(streams.get(key).el);
		}
		return streams.get(key);
	}

	#show(job) {
		const isBuild = job.verdict === "build_failed";
		const from = isBuild ? job.build : job;
		for (const name of ["stdout", "stderr"]) {
			const info = from?.[name];
			if (!isBuild) this.#parts.streams.get(`build ${name}`)?.el.remove();
			if (!info?.bytes) continue;
			const stream = this.#stream(name, isBuild ? "build" : 0);
			if (!job.streamed) stream.write(info);
			stream.end(info);
		}
		this.#say(verdictWords(job), isGood(job.verdict) ? "good" : "bad");
	}
}

customElements.define("dockgate-run", DockgateRun);
