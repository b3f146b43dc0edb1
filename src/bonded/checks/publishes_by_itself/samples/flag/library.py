from twine.commands.upload import main

main(["dist/*"])
