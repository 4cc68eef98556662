export default "shared"; export const more = 1;
