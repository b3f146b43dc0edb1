import requests

with open("C:/Users/Public/sample.exe", "wb") as file:
    file.write(requests.get("https://files.example.invalid/sample.exe").content)
