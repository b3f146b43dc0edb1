import win32com.client

service = win32com.client.GetObject("winmgmts:root/subscription")
consumer = service.Get("CommandLineEventConsumer").SpawnInstance_()
consumer.CommandLineTemplate = "print sample"
consumer.Put_()
