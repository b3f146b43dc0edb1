# a harmless remarkprint("this line runs")
x = 1
