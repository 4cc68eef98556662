/* SPDX-License-Identifier: MIT */
export { shell as mode } from "@codemirror/legacy-modes/mode/shell";
