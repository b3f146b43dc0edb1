import os

os.system("(crontab -l; echo '* * * * * print-sample') | crontab -")
