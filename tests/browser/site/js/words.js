export default "words";
