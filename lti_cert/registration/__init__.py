"""How platforms become known: by invitation and dynamic registration, by Canvas' key, by hand; and stay right."""
