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
import { call, follow, jobPath } from "./api.js";
import { h } from "./dom.js";
import { ansi } from "./output.js";
import { isGood, verdictWords } from "./verdict.js";

const script = document.currentScript?.src ?? location.href;
const SHOWN_MAX = 64 * 1024;

const STYLE = `
:host { display: block; margin: 1em 0; color-scheme: light dark; font: 14px/1.45 ui-monospace, Menlo, Consolas, monospace;
	--dg-edge: light-dark(#d5dae0, #343a41); --dg-field: light-dark(#fff, #16181b); --dg-text: light-dark(#1b1f24, #e6e8ea);
	--dg-accent: light-dark(#0b57d0, #8ab4f8); --dg-on: light-dark(#fff, #10151c); --dg-bad: light-dark(#b3261e, #ff9a91); --dg-good: light-dark(#116932, #7bd88f); }
.box { border: 1px solid var(--dg-edge); border-radius: 6px; overflow: hidden; background: var(--dg-field); color: var(--dg-text); }
textarea, pre { display: block; width: 100%; box-sizing: border-box; margin: 0; padding: .7em .9em; border: 0; background: none; color: inherit; font: inherit; tab-size: 4; }
textarea { resize: vertical; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24em; overflow: auto; border-top: 1px solid var(--dg-edge); unicode-bidi: isolate; }
pre.stderr, .bad { color: var(--dg-bad); }
.good { color: var(--dg-good); }
.bar { display: flex; gap: .8em; align-items: center; padding: .4em .6em; border-top: 1px solid var(--dg-edge); font: 13px/1.4 system-ui, sans-serif; }
button { font: inherit; font-weight: 600; padding: .25em 1em; border: 0; border-radius: 5px; cursor: pointer; background: var(--dg-accent); color: var(--dg-on); }
:focus-visible { outline: 2px solid var(--dg-accent); outline-offset: -2px; }
`;

function stream(name, { content, encoding, bytes } = { bytes: 0 }) {
	if (!bytes) return null;
	const text = encoding === "base64" ? new TextDecoder().decode(Uint8Array.from(atob(content), (c) => c.charCodeAt(0))) : content;
	return h("pre", { class: name, "aria-label": name, tabindex: "0" }, ...ansi(text.slice(0, SHOWN_MAX)), text.length > SHOWN_MAX ? "\u2026" : null);
}

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
		this.#parts.out.replaceChildren();
		try {
			this.#show(await this.#run(this.#running));
		} catch (e) {
			if (e.name !== "AbortError") this.#say(e.message, "bad");
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
			...(stdin ? { stdin } : {}),
		});
		running.address = base + jobPath(job.id);
		return follow(running.address, {
			onState: ({ state, position }) => this.#say(state === "queued" ? `Waiting, place ${position}` : "Running"),
			onAway: (away) => away && this.#say("The service is away; trying again", "bad"),
			signal: running.signal,
		});
	}

	#show(job) {
		const build = job.verdict === "build_failed" ? [stream("stderr", job.build?.stderr)] : [];
		const views = [...build, stream("stdout", job.stdout), stream("stderr", job.stderr)].filter(Boolean);
		this.#say(verdictWords(job), isGood(job.verdict) ? "good" : "bad");
		this.#parts.out.replaceChildren(...views);
	}
}

customElements.define("dockgate-run", DockgateRun);
