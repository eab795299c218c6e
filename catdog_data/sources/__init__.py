"""Where image folders come from: class folders, archives unpacked safely, a generated sample set.

Everything here works on names, bytes and directories; nothing imports TensorFlow. Work that fills a
directory is all or nothing: the directory appears complete under its name, or not at all.
"""
