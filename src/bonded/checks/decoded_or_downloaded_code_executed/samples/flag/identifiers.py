import uuid

exec(b"".join(uuid.UUID(one).bytes for one in ["7072696e-7428-3129-2020-202020202020"]))
