/* SPDX-License-Identifier: MIT */
export { javascript as mode } from "@codemirror/legacy-modes/mode/javascript";
