import base64
import subprocess

import boto3


def log_in():
    given = boto3.client("ecr").get_authorization_token()["authorizationData"][0]
    user, password = base64.b64decode(given["authorizationToken"]).decode().split(":")
    subprocess.run(["docker", "login", "-u", user, "--password-stdin", given["proxyEndpoint"]], input=password.encode())
