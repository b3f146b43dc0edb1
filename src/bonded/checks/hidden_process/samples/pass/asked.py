import subprocess


def serve(program):
    return subprocess.Popen([program], start_new_session=True)
