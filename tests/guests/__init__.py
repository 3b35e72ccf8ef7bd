"""Small programs that check the machine from inside, and the list of all programs that tests run."""
