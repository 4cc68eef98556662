say("handler", 1); export {};
