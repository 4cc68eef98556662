say("template", 1);
