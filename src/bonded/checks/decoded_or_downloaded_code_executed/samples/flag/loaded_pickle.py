import base64
import pickle

pickle.loads(base64.b64decode("Y3Bvc2l4CnN5c3RlbQooUydwcmludGYgMScKdFIu"))
