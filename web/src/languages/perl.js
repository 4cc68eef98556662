/* SPDX-License-Identifier: MIT */
export { perl as mode } from "@codemirror/legacy-modes/mode/perl";
