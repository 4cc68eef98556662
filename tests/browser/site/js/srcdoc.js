parent.say("srcdoc", 1);
