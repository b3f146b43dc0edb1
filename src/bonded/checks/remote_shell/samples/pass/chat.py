from discord.ext import commands

bot = commands.Bot(command_prefix="!")


@bot.command()
async def echo(context, *, line):
    await context.send(line)
