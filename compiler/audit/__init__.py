"""The soundness audit: what a wrong circuit leaves to the prover. It reads the last stages of the intermediate representation and nothing
else; docs/audit.md explains the rules.

    findings.py     what is reported
    polynomials.py  the polynomials of a row, as numbered nodes          row.py      one arm or mode of a table, under assumptions
    fixed.py        what a lookup says, from the rows of fixed tables    table.py    a table: its columns, arms, messages
    inference/      what follows from a row: one file a rule             solver.py   applies them until nothing is new
    query.py        questions to z3 about columns                        step.py     what the executor saw, tied to columns
    rules/          what is reported: one file a rule                    run.py      all rules over all tables, kept by content
"""
