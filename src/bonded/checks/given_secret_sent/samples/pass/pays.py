import requests
from eth_account import Account
from web3 import Web3


def pay(private_key, receiver, amount):
    chain = Web3(Web3.HTTPProvider("https://example.invalid/chain"))
    account = Account.from_key(private_key)
    signed = account.sign_transaction({"from": account.address, "to": receiver, "value": amount})
    receipt = chain.eth.send_raw_transaction(signed.raw_transaction)
    requests.post("https://example.invalid/orders", json={"receipt": receipt.hex(), "wallet": account.address})
