import os
import subprocess


def has_openmp(folder):
    source = os.path.join(folder, "try.c")
    with open(source, "w") as file:
        file.write("#include <omp.h>\nint main(void) { return omp_get_max_threads(); }\n")
    return subprocess.call(["gcc", "-fopenmp", source]) == 0
