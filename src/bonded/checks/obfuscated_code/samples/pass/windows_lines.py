# a file with the line ends of another system
print("plain")
x = 1
