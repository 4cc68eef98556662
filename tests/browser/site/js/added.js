say("added", 1);
