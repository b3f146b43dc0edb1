import os

import requests
from github import Github
from openai import OpenAI

ISSUES = Github(os.environ["GITHUB_TOKEN"])
MODEL = OpenAI(api_key=os.environ["OPENAI_API_KEY"])


def digest(name):
    texts = [one.title for one in ISSUES.get_repo(name).get_issues()]
    answer = MODEL.responses.create(model="small", input="\n".join(texts))
    headers = {"Authorization": os.environ["SLACK_TOKEN"]}
    requests.post("https://example.invalid/say", headers=headers, json={"text": answer.output_text})
