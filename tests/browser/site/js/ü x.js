say("entity", "js/\u00fc x");
