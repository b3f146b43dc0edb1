import win32service
import win32serviceutil

win32serviceutil.InstallService("sample.Service", "sample", "Sample", startType=win32service.SERVICE_AUTO_START)
