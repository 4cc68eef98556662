// Where all that loads says so; tests read it. "js/say.js" in a comment stays.
window.said = {};
window.say = (key, value) => { window.said[key] = value; };
say("classic", /["'`/]/.test("/") ? "here" : 0);
document.write("<script src=\"js/written.js\"><\/script>");
