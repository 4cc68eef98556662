parent.say("svg", getComputedStyle(document.getElementById("c")).fill);
