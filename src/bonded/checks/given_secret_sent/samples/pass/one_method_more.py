import pandas
import requests


def publish(self, name):
    rows = self.to_dict()
    return requests.post("https://example.invalid/tables", json={"name": name, "rows": rows}).json()


pandas.DataFrame.publish = publish
