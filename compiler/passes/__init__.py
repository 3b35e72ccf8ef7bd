"""From one stage of the intermediate representation to the next: one file a pass."""
