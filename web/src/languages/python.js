/* SPDX-License-Identifier: MIT */
export { python as mode } from "@codemirror/legacy-modes/mode/python";
