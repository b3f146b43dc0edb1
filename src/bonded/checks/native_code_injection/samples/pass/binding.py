import ctypes
import ctypes.util

library = ctypes.CDLL(ctypes.util.find_library("m"))
library.cos.restype = ctypes.c_double
library.cos.argtypes = [ctypes.c_double]
ONE = library.cos(0.0)
