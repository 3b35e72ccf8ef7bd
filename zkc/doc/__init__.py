"""`zkc doc`: what the .circ files of a folder declare, as pages of HTML: instructions, tables, gadgets, and the rest.

contents.py says what there is, colours.py colours the text and links its names, drawing.py draws tables and buses,
pages.py makes the pages.
"""
