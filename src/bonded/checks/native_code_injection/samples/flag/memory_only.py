import ctypes

libc = ctypes.CDLL("libc.so.6")
libc.mprotect(0x1000, 4096, 7)
ctypes.memmove(0x1000, b"\xc3", 1)
