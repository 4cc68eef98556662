var classic = "classic";
