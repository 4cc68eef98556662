import { name } from "./a.js";
export const other = () => "b" + typeof name;
