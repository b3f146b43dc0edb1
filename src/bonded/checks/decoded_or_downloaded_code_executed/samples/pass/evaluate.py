import ast
import base64


def evaluate(expression, names):
    return eval(compile(ast.parse(expression, mode="eval"), "<expression>", "eval"), {"__builtins__": {}}, names)


def picture(text):
    return base64.b64decode(text)
