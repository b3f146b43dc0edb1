from .table import unfold

unfold(31, "first")
