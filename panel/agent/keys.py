"""What the agent's handlers find in their application."""

from aiohttp import web

from engine import Engine

ENGINE: web.AppKey[Engine] = web.AppKey("engine", Engine)
