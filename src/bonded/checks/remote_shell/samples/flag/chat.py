import subprocess

from discord.ext import commands

bot = commands.Bot(command_prefix="!")


@bot.command()
async def shell(context, *, line):
    await context.send(subprocess.check_output(line, shell=True))


bot.run("a token")
