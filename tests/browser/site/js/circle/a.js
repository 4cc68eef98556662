import { other } from "./b.js";
export const name = () => "a" + other();
