"""What is made of the last stage: tables of the circuit, and the text of generated modules. No analysis is done here."""
