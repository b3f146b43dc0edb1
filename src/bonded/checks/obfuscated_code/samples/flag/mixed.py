pаssword = "x"
print(pаssword)
