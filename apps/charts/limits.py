"""How large a chart and what it renders to may be."""

MB = 2**20

# Bytes of the upload, and of all its files with those of the charts inside it (contract, Applications).
PACKED = 10 * MB
UNPACKED = 50 * MB
# Files and folders, and names in a path.
ENTRIES = 2000
DEPTH = 16
# Bytes of a path: what every file system takes.
PATH = 255
# Squares of the bytes of headers that tell more of an entry, such as a long name, added up: Python's tarfile may take
# time with the square of one, and 16 KB take a second.
HEADERS = 250_000_000
# Bytes of Chart.yaml, requirements.yaml, values.yaml and of a values schema.
DESCRIPTION = MB

# Bytes of what helm writes. An edge's store takes 1.5 MB an object, with its bookkeeping.
RENDERED = 4 * MB
OBJECT = MB
OBJECTS = 200

# YAML: depth of nesting, and values with what aliases repeat; each of so many characters of a text counts as one.
NESTING = 64
NODES = 200_000
NODE_TEXT = 100

# Bytes of the values that come with a deployment, as JSON, and their nesting.
VALUES = 256 * 1024

# Bytes of memory that helm may write to. It starts below 100 MB.
MEMORY = 512 * MB
# Charts that one of our processes works on at once.
AT_ONCE = 2
# Seconds that another one waits for its turn. With those that helm may take, a request takes ten at most.
WAIT = 2.0
