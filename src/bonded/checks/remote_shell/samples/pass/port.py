import subprocess

subprocess.run(["powershell", "-c", "(New-Object Net.Sockets.TcpClient).Connect('localhost', 5432)"], check=True)
