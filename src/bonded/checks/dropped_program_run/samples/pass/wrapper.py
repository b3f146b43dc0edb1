def wrap(place, command):
    with open(place, "w") as stream:
        stream.write("#!/bin/sh\nset -e\ncurl --version\nexec sample \"$@\"\n")
