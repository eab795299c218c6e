"""The contract of a geometry row, which both planners write and every warp reads.

A row is eight doubles for one image, `m00, m01, row_offset, m10, m11, column_offset, flip_columns,
flip_rows`. Output pixel (i, j) shows the input at

    row    = (row_offset + m00 * i) + m01 * j
    column = (column_offset + m10 * i) + m11 * j

in pixels, with centres at integers, each operation rounded to double in this order. Where
`flip_columns` is 1.0, and not 0.0, the output's columns are reversed after that; where `flip_rows`
is, its rows.
"""

GEOMETRY_COLUMNS = 8
"""Doubles in a geometry row."""
