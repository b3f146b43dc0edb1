import subprocess
from concurrent.futures import ThreadPoolExecutor

import git
import gspread
import requests
from web3 import Web3


def name_of(address, abi, rpc):
    return Web3(Web3.HTTPProvider(rpc)).eth.contract(address=address, abi=abi).functions.name().call()


def rows(sheet):
    return gspread.service_account().open(sheet).sheet1.get_all_values()


def pages(addresses, done):
    with ThreadPoolExecutor(4) as pool:
        for one in addresses:
            pool.submit(requests.get, one).add_done_callback(lambda page: done(page.result().json()))


def template(folder):
    git.Repo.clone_from("https://code.example.invalid/template.git", folder)
    subprocess.run(["cp", "-r", folder + "/files", "."], check=True)
