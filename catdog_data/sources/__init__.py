"""What is in a data set: files listed, labelled and split, rows of a data frame, records of TFDS.

Everything here works on names, labels and bytes; nothing imports TensorFlow. `decoding`,
`archives`, both faces and the commands may import it; it imports `system` alone.
"""
