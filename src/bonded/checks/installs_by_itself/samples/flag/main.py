import pip

pip.main(["install", "--trusted-host", "index.example.invalid", "sample-core"])
