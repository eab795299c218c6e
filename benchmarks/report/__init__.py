"""Results for people: tables on a terminal, CSV, Markdown, charts, and one HTML page."""
