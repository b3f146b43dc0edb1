import six
from six.moves import builtins

exec_ = getattr(builtins, "exec")


def reraise(kind, value):
    exec_("raise kind, value", {}, {"kind": kind, "value": value})
    return six.text_type(value).encode("base64")
