/* SPDX-License-Identifier: MIT */
/* The client that this page is: a token, kept for as long as the tab is open, and nowhere else. */
import { client, get } from "./api.js";
import { fill, h } from "./dom.js";

const KEY = "dockgate.token";

function keep(token) {
	client.token = token;
	try {
		if (token) sessionStorage.setItem(KEY, token);
		else sessionStorage.removeItem(KEY);
	} catch { /* it is used, and forgotten with the page */ }
}

const who = ({ client: name, operator }) => `You are ${name ?? "nobody in particular"}${operator ? ", an operator" : ""}.`;

/** The form in `host`, opened and closed by `button`. `why`: what the service wants it for. */
export function showClient(host, button, why) {
	const isOpen = !host.hidden && !why;
	host.hidden = isOpen;
	button.setAttribute("aria-expanded", String(!isOpen));
	if (isOpen) return;

	const status = h("p", { role: "status" });
	const field = h("input", { id: "token-field", type: "password", autocomplete: "off", spellcheck: "false" });
	const say = (text, bad) => {
		status.textContent = text;
		status.className = bad ? "bad" : "note";
	};

	async function use(e) {
		e.preventDefault();
		const token = field.value.trim();
		// eslint-disable-next-line no-control-regex
		if (!token || /[^\u0021-\u007e]/.test(token)) return say("A token is letters, digits and signs, without spaces.", true);
		const before = client.token;
		try {
			client.token = token;
			await get("v1/me");
			keep(token);
			location.reload(); /* all that is typed is kept; what runs is picked up */
		} catch (error) {
			client.token = before;
			say(error.status === 401 ? "The service does not know this token." : error.message, true);
		}
	}

	fill(host, h("form", { class: "bar", on: { submit: use } },
		h("label", { for: "token-field" }, "Token"), field, h("button", { type: "submit" }, "Use it"),
		client.token ? h("button", { type: "button", on: { click: () => (keep(""), location.reload()) } }, "Forget it") : null),
	status);
	if (why) say(why, true);
	else get("v1/me").then((me) => say(who(me)), (error) => say(error.message, error.status !== 401));
	field.focus();
}
