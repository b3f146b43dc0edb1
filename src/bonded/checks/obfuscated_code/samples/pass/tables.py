MARKS = b"\x00\x01\x02\x03\xff\xfe\xfd\x80\x90\xa0\xb0\xc0\xd0\xe0"
RED = "\x1b[31m"
NAMES = {
    "a": 1,                                                                                                                        # a remark far to the right
    "b": 2,
}
_, __ = NAMES.popitem()
