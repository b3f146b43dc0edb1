import paramiko


def open_shell(host, user, private_key):
    client = paramiko.SSHClient()
    client.connect(host, username=user, pkey=private_key)
    return client
