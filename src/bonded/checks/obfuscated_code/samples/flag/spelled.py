one = getattr(__builtins__, "c" + "hr")(104)
two = getattr(__builtins__, "c" + "hr")(105)
three = getattr(__builtins__, oct.__str__()[-3] + "hr")(33)
print(one + two + three)
