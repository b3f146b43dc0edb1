"""Clients of the network by their spelling: what takes data elsewhere, what brings in what others wrote, and what listens.

Most of these calls are facts only where something private goes along (`CARRIERS`), or are none themselves and only say where
their result came from (`RECEIVERS`): a program may well speak to its own queue or database.
"""

from __future__ import annotations

import re
from typing import Final

HTTP: Final = (
    "requests", "httpx", "requests.Session()", "httpx.Client()", "httpx.AsyncClient()", "aiohttp.ClientSession()",
    "cloudscraper.create_scraper()", "tls_client.Session()", "curl_cffi.requests", "curl_cffi.requests.Session()", "grequests",
    "niquests", "niquests.Session()", "treq", "primp", "primp.Client()", "requests_html.HTMLSession()",
    "requests_futures.sessions.FuturesSession()", "requests_toolbelt.sessions.BaseUrlSession()", "rnet.Client()", "hrequests",
)  # fmt: skip
"""Libraries and sessions with a function for each verb of HTTP."""
CLIENTS: Final = frozenset(one.partition(".")[0] for one in HTTP) | {"urllib3"}
"""Libraries whose requests hold what they are made of."""
VERBS: Final = ("get", "post", "put", "patch", "delete", "head", "options", "request")

SAME: Final[dict[str, str]] = {
    "http.client.HTTPSConnection()": "http.client.HTTPConnection()",
    "smtplib.SMTP_SSL()": "smtplib.SMTP()",
    "smtplib.LMTP()": "smtplib.SMTP()",
    "aiosmtplib.SMTP()": "smtplib.SMTP()",
    "ftplib.FTP_TLS": "ftplib.FTP",
    "socket.create_connection()": "socket.socket()",
    "socket.create_server()": "socket.socket()",
    "websocket.WebSocket()": "websocket.create_connection()",
    "websockets.sync.client.connect": "websockets.connect",
    "websockets.client.connect": "websockets.connect",
    "websockets.asyncio.client.connect": "websockets.connect",
    "websockets.legacy.client.connect": "websockets.connect",
    "urllib3.ProxyManager()": "urllib3.PoolManager()",
    "urllib3.HTTPSConnectionPool()": "urllib3.PoolManager()",
    "urllib3.HTTPConnectionPool()": "urllib3.PoolManager()",
    "urllib3.connection_from_url()": "urllib3.PoolManager()",
    "urllib.request.OpenerDirector()": "urllib.request.build_opener()",
    "webbrowser.get().open": "webbrowser.open",
    "webbrowser.get().open_new": "webbrowser.open",
    "webbrowser.get().open_new_tab": "webbrowser.open",
    "tornado.httpclient.AsyncHTTPClient()": "tornado.httpclient.HTTPClient()",
    "discord.SyncWebhook.partial": "discord.Webhook.from_url",
    "discord.Webhook.partial": "discord.Webhook.from_url",
    "multiprocessing.connection.Listener().accept()": "multiprocessing.connection.Client()",
    "socketio.SimpleClient()": "socketio.Client()",
    "socketio.AsyncClient()": "socketio.Client()",
    "redis.StrictRedis": "redis.Redis",
    "redis.asyncio": "redis",
    "redis.from_url": "redis.Redis",
    "redis.Redis.from_url": "redis.Redis",
    "xmlrpclib": "xmlrpc.client",
    "pip._internal.network.session.PipSession": "requests.Session",
    "web3.Web3.HTTPProvider": "web3.HTTPProvider",
    "web3.AsyncWeb3": "web3.Web3",
    "telethon.sync.TelegramClient": "telethon.TelegramClient",
    "pymysql.connect": "psycopg2.connect",
    "MySQLdb.connect": "psycopg2.connect",
    "mysql.connector.connect": "psycopg2.connect",
    "psycopg.connect": "psycopg2.connect",
    "pymssql.connect": "psycopg2.connect",
}
"""Names of what works alike."""

REACHING: Final = frozenset(
    {
        "requests.Session().send",
        "httpx.Client().send",
        "httpx.AsyncClient().send",
        "httpx.Client().stream",
        "httpx.AsyncClient().stream",
        "urllib3.PoolManager().urlopen",
        "urllib3.PoolManager().request_encode_body",
        "urllib3.PoolManager().request_encode_url",
        "httplib2.Http().request",
        "tornado.httpclient.HTTPClient().fetch",
    }
)
"""Calls that reach out, beside those of `facts.known`."""

CONNECTING: Final = frozenset({"asyncio.open_connection", "websocket.create_connection().connect"})
"""Calls that say where to."""

CARRIERS: Final = frozenset(
    {
        "http.client.HTTPConnection().putrequest",
        "http.client.HTTPConnection().putheader",
        "http.client.HTTPConnection().endheaders",
        "http.client.HTTPConnection().send",
        "pycurl.Curl().setopt",
        "pycurl.Curl().perform",
        "websocket.create_connection().send",
        "websocket.create_connection().send_binary",
        "websockets.connect().send",
        "aiohttp.ClientSession().ws_connect().send_str",
        "aiohttp.ClientSession().ws_connect().send_json",
        "aiohttp.ClientSession().ws_connect().send_bytes",
        "asyncio.StreamWriter().write",
        "asyncio.StreamWriter().writelines",
        "asyncio.Transport().write",
        "asyncio.Transport().writelines",
        "asyncio.Transport().sendto",
        "asyncio.get_running_loop().sock_sendall",
        "asyncio.get_event_loop().sock_sendall",
        "asyncio.new_event_loop().sock_sendall",
        "socket.socket().sendmsg",
        "socket.socket().sendfile",
        "socket.socket().write",
        "socket.socket().makefile().write",
        "socket.socket().makefile().writelines",
        "ftplib.FTP().storlines",
        "ftplib.FTP().sendcmd",
        "telnetlib.Telnet().write",
        "paramiko.SSHClient().exec_command",
        "paramiko.SSHClient().open_sftp().put",
        "paramiko.SSHClient().open_sftp().putfo",
        "paramiko.SFTPClient.from_transport().put",
        "paramiko.SFTPClient.from_transport().putfo",
        "fabric.Connection().put",
        "fabric.Connection().run",
        "dns.query.udp",
        "dns.query.tcp",
        "dns.query.https",
        "dns.query.tls",
        "multiprocessing.connection.Client().send",
        "multiprocessing.connection.Client().send_bytes",
        "sentry_sdk.capture_message",
        "sentry_sdk.capture_event",
        "sentry_sdk.set_context",
        "sentry_sdk.set_extra",
        "paho.mqtt.client.Client().publish",
        "paho.mqtt.publish.single",
        "paho.mqtt.publish.multiple",
        *(f"redis.Redis().{verb}" for verb in ("set", "publish", "lpush", "rpush", "hset", "hmset", "xadd", "sadd", "setex")),
        "psycopg2.connect().cursor().execute",
        "psycopg2.connect().cursor().executemany",
        "pika.BlockingConnection().channel().basic_publish",
        "zmq.Context().socket().send",
        *(f"zmq.Context().socket().send_{what}" for what in ("string", "json", "pyobj", "multipart")),
        "boto3.client().put_object",
        "boto3.client().upload_file",
        "boto3.client().upload_fileobj",
        "boto3.client().send_message",
        "boto3.client().publish",
        "boto3.client().put_item",
        "boto3.resource().Bucket().put_object",
        "boto3.resource().Bucket().upload_file",
        "boto3.resource().Bucket().upload_fileobj",
        "boto3.resource().Object().put",
        "slack_sdk.WebClient().chat_postMessage",
        "slack_sdk.WebClient().files_upload_v2",
        "slack_sdk.webhook.WebhookClient().send",
        "slack_sdk.WebhookClient().send",
        *(f"aiogram.Bot().send_{what}" for what in ("message", "document", "photo")),
        *(f"pyrogram.Client().send_{what}" for what in ("message", "document", "photo")),
        *(f"telethon.TelegramClient().send_{what}" for what in ("message", "file")),
        "socketio.Client().call",
        "github.Github().get_user().create_gist",
        "dropbox.Dropbox().files_upload",
        "ctypes.windll.wininet.InternetOpenUrlW",
        "ctypes.windll.wininet.InternetOpenUrlA",
        "ctypes.windll.wininet.HttpSendRequestW",
        "ctypes.windll.wininet.HttpSendRequestA",
        "ctypes.windll.winhttp.WinHttpSendRequest",
        "win32com.client.Dispatch().send",
        "win32com.client.Dispatch().Send",
        "scapy.all.send",
        "scapy.all.sr1",
        "logging.Handler().emit",
    }
)  # fmt: skip
"""They take what they are given elsewhere, and are facts where something private is in it."""

BY_PATH: Final = (
    ".put",
    ".upload_file",
    ".send_file",
    ".send_document",
    ".upload",
    ".upload_from_filename",
    ".fput_object",
)
"""Methods of clients that are told the path of what they take."""
CARRIED: Final = ("xmlrpc.client.ServerProxy().",)
"""Objects every method of which is called elsewhere."""

MADE_WITH_ADDRESS: Final = frozenset(
    {
        "paho.mqtt.client.Client", "redis.Redis", "psycopg2.connect", "pika.BlockingConnection", "boto3.client", "boto3.resource",
        "slack_sdk.webhook.WebhookClient", "slack_sdk.WebhookClient", "telnetlib.Telnet", "multiprocessing.connection.Client",
        "asyncio.open_connection", "xmlrpc.client.ServerProxy", "paramiko.Transport", "logging.handlers.HTTPHandler",
        "logging.handlers.SysLogHandler", "logging.handlers.SocketHandler", "logging.handlers.DatagramHandler",
        "logging.handlers.SMTPHandler", "urllib3.connection_from_url", "fabric.Connection", "aiogram.Bot",
    }
)  # fmt: skip
"""What they make remembers where it will reach."""

DIALLED: Final = frozenset(
    {
        "socket.socket", "socket.create_connection", "http.client.HTTPConnection", "http.client.HTTPSConnection", "smtplib.SMTP",
        "smtplib.SMTP_SSL", "ftplib.FTP", "telnetlib.Telnet", "multiprocessing.connection.Client", "multiprocessing.connection.Listener",
        "redis.Redis", "psycopg2.connect", "pymongo.MongoClient", "zmq.Context",
    }
)  # fmt: skip
"""What they are made of says where to, not what: one's own host name among it is no message."""

RECEIVERS: Final = frozenset(
    {
        "websockets.connect", "redis.Redis().pubsub().listen", "redis.Redis().pubsub().get_message", "paho.mqtt.subscribe.simple",
        *(f"asyncio.StreamReader().{verb}" for verb in ("read", "readline", "readexactly", "readuntil")),
        "multiprocessing.connection.Client().recv", "multiprocessing.connection.Client().recv_bytes",
        *(f"redis.Redis().{verb}" for verb in ("blpop", "brpop", "lpop", "rpop")),
        *(f"zmq.Context().socket().recv{what}" for what in ("", "_string", "_json", "_pyobj", "_multipart")),
        "imaplib.IMAP4().fetch", "imaplib.IMAP4_SSL().fetch", "poplib.POP3().retr", "poplib.POP3_SSL().retr",
        *(f"telnetlib.Telnet().read_{what}" for what in ("until", "all", "some", "very_eager")),
        "paramiko.SSHClient().get_transport().open_session().recv", "paramiko.Transport().open_session().recv", "socket.socket().read",
        *(f"aiohttp.ClientSession().ws_connect().receive{what}" for what in ("", "_str", "_json", "_bytes")),
    }
)  # fmt: skip
"""Their result is what others wrote."""
ANSWERING: Final = (
    "web3.Web3().eth.", "boto3.client().get_object", "boto3.resource().Object().get", "boto3.resource().Bucket().Object().get",
    "dropbox.Dropbox().files_download", "ipfshttpclient.connect().", "huggingface_hub.hf_hub_download",
    "huggingface_hub.snapshot_download", "solana.rpc.api.Client().", "github.Github().get_gist",
    *(f"github.Github().get_repo().get_{what}" for what in ("commits", "contents", "issue", "release")),
)  # fmt: skip
"""Clients of services where strangers may leave something: what they give was written by others. Tables and databases are mostly
one's own, and are not among them."""
FETCHES: Final = re.compile(
    r"(?:^|\.)(?:\w*download\w*|\w*retrieve\w*|get_file|cached_path|open|fetch)$",
    re.IGNORECASE,
)
"""Names of functions that, given an address, fetch what is there."""
SAVES: Final = re.compile(r"(?:^|\.)(?:\w*download\w*|\w*retrieve\w*|get_file)$", re.IGNORECASE)
"""Of these, those that save it in a file."""
COPIES_REPOSITORY: Final = re.compile(r"(?:^|\.)clone(?:_from|_repository)?$")
"""Names of functions that, given an address, copy a whole repository into a folder."""
ADDRESS: Final = re.compile(r"(?:https?|ftp|s3|gs|ipfs|git|ssh)://", re.IGNORECASE)
LISTENERS: Final = (
    "flask.", "quart.", "fastapi.", "aiohttp.web.", "bottle.", "tornado.", "sanic.", "cherrypy.", "starlette.", "uvicorn.", "hypercorn.",
    "socketserver.", "http.server.", "xmlrpc.server.", "wsgiref.", "Pyro4.", "Pyro5.", "paho.mqtt.", "pika.", "slack_bolt.", "irc.bot.",
    "slixmpp.", "websocket.", "websockets.serve", "asyncio.start_server", "asyncio.Protocol", "asyncio.DatagramProtocol",
)  # fmt: skip
"""They hand a function, or a method of a class that is derived from theirs, what others send."""
REQUESTS: Final = frozenset({"flask.request", "quart.request", "bottle.request", "cherrypy.request"})
"""What others send, under a name."""
REQUEST_PARTS: Final = frozenset(
    {
        "rfile",
        "path",
        "headers",
        "request",
        "get_argument",
        "get_arguments",
        "get_body_argument",
        "get_query_argument",
        "get_json_body",
    }
)
"""Attributes of an object that answers a request which hold what was sent."""

HANDLERS: Final = frozenset(
    f"logging.handlers.{one}Handler" for one in ("HTTP", "SysLog", "Socket", "Datagram", "SMTP")
)
"""Handlers of logs that send them away."""
LOGGED: Final = frozenset(
    {"debug", "info", "warning", "warn", "error", "critical", "exception", "log", "emit", "handle"}
)

MODULES: Final = frozenset(
    {
        "MySQLdb", "Pyro4", "amplitude", "azure", "Pyro5", "aiogram", "asyncssh", "boto3", "dropbox", "fabric",
        "firebase_admin", "gspread", "hrequests", "httplib2", "influxdb", "kafka", "minio", "mixpanel",
        "netmiko", "niquests", "paho", "pika", "posthog", "primp", "psycopg",
        "psycopg2", "pymongo", "pymssql", "pymysql", "pyrebase", "pyrogram", "pysftp", "redis", "requests_futures",
        "requests_html", "requests_toolbelt", "rnet", "rpyc", "sentry_sdk", "slack_bolt", "slack_sdk", "slixmpp", "splinter",
        "stomp", "supabase", "telethon", "solana", "telnetlib", "tornado", "treq", "tweepy",
        "twilio", "web3", "webdav3", "webdav4", "xmlrpc", "xmlrpclib", "zmq", "zulip",
    }
)  # fmt: skip
"""Words of which one is in a file that uses a client of another service, or something else that speaks to others."""

SENT: Final = "client.send"
"""Under this name a call is noted that gives an address and private data to a client of which nothing else is known."""
GIVES: Final = frozenset(
    {
        "append_row", "append_rows", "basic_publish", "capture_message", "create", "create_gist", "create_one", "emit", "execute",
        "fetch", "files_upload", "get", "index", "ingest", "insert", "insertOne", "insert_many", "insert_one", "log", "post", "publish",
        "push", "put", "put_object", "query", "read_csv", "read_html", "read_json", "request", "send", "send_bytes", "send_document",
        "send_event", "send_file", "send_json", "send_message", "send_photo", "send_string", "send_text", "submit", "track",
        "send_raw_transaction", "send_transaction", "unary_unary", "update", "upload", "upload_blob", "upload_file", "upload_fileobj",
        "upload_from_string", "urlopen", "write", "xadd",
    }
)  # fmt: skip
"""Methods of clients of all sorts that take data elsewhere."""
SERVICES: Final = (
    "aiobotocore.", "amplitude.", "analytics.", "azure.", "boto3.", "confluent_kafka.", "dropbox.", "elasticsearch.", "firebase_admin.",
    "github.", "gitlab.", "google.cloud.", "googleapiclient.", "gspread.", "huggingface_hub.", "influxdb.", "influxdb_client.", "kafka.",
    "minio.", "mixpanel.", "motor.", "nats.", "notion_client.", "opensearchpy.", "posthog.", "pubnub.", "pusher.", "pydrive.", "pydrive2.",
    "pymongo.", "pyrebase.", "segment.", "sendgrid.", "sentry_sdk.", "supabase.", "telethon.", "tweepy.", "twilio.", "zulip.",
)  # fmt: skip
"""Libraries all objects of which speak to one service, whose address they know by themselves."""
TOLD: Final = GIVES | {
    "add_breadcrumb", "add_row", "capture", "create_file", "create_issue", "identify", "produce", "put_item", "set_context", "set_extra",
    "set_extras", "set_tag", "set_user", "trigger", "update_acell", "update_cell", "update_one", "upload_folder", "upload_from_filename",
}  # fmt: skip
"""Methods of theirs that take data there."""
ASKED: Final = frozenset({"acell", "files_download", "get_contents", "get_messages", "get_users_tweets"})
"""Methods of theirs that bring what somebody wrote there."""
LOGINS: Final = frozenset(
    {
        "asyncssh.connect", "boto3.Session", "boto3.client", "fabric.Connection", "ftplib.FTP().login", "imaplib.IMAP4().login",
        "imaplib.IMAP4_SSL().login", "ldap3.Connection", "netmiko.ConnectHandler", "paramiko.SSHClient().connect", "psycopg2.connect",
        "pymongo.MongoClient", "redis.Redis", "smtplib.SMTP().login", "sqlalchemy.create_engine", "winrm.Session",
    }
)  # fmt: skip
"""They log in to a service that the caller names."""
