var based = "based";
