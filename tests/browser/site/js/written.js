say("written", document.currentScript !== null);
