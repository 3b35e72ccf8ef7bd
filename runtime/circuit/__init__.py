"""The artefact that the compiler makes: the circuit as data, as text, its digest; the machine with its generated modules."""
