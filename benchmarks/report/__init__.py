"""Results for people: tables on a terminal, CSV, Markdown, charts, and one HTML page.

`tables` and `summary` compute what is shown; the other files only lay it out.
"""
