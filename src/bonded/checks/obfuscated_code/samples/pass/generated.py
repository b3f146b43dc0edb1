a=1;b=2;c=a+b
l1=[a,b,c];O=l1[0]
L=lambda x:x*2
IL="IlIlIlIl"  # a font sample
UNDERLINE="________________"
print(L(c),UNDERLINE)
