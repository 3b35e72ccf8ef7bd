"""KoalaBear, its packed lanes and its extension of degree six."""
