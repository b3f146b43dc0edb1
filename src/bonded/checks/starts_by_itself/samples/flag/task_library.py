import win32com.client

service = win32com.client.Dispatch("Schedule.Service")
service.Connect()
task = service.NewTask(0)
task.Actions.Create(0).Path = "print-sample"
service.GetFolder("\\").RegisterTaskDefinition("sample", task, 6, "", "", 3)
