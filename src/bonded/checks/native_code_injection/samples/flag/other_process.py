import win32api
import win32process

process = win32api.OpenProcess(0x1F0FFF, False, 1234)
win32process.WriteProcessMemory(process, 0, b"\x90")
win32process.CreateRemoteThread(process, None, 0, 0, 0, 0)
