say("percent", 1);
