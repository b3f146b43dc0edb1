def scaffold(folder):
    with open(folder + "/main.py", "w") as file:
        file.write("import sys\n\nprint('Hello', sys.argv)\n")
