"""From the syntax of a program to the stage `row`: gadgets are inlined, loops unrolled, structs and arrays taken apart."""
