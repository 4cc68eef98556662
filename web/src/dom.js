/* SPDX-License-Identifier: MIT */
/* Elements without markup: what a job wrote can only ever become text. */

/**
 * An element. `on` holds its event handlers, `class` and all others are attributes (true: set,
 * false or null: not). Children are nodes or text.
 */
export function h(tag, props = {}, ...children) {
	const el = document.createElement(tag);
	for (const [name, value] of Object.entries(props)) {
		if (name === "on")
			for (const [type, handler] of Object.entries(value)) el.addEventListener(type, handler);
		else if (value !== false && value != null) el.setAttribute(name, value === true ? "" : value);
	}
	el.append(...children.filter((child) => child != null));
	return el;
}

export const $ = (selector) => document.querySelector(selector);

export function fill(el, ...children) {
	el.replaceChildren(...children.filter((child) => child != null));
}
