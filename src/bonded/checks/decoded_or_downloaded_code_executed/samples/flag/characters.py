exec("".join(chr(number ^ 7) for number in [119, 117, 110, 105, 115, 47, 54, 46]))
