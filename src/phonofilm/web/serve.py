"""The server as a program: listens, says where, and ends within seconds when it is told to."""

import errno
import os
import signal
import socket
from collections.abc import Callable

import uvicorn

from phonofilm.errors import OptionError
from phonofilm.web.app import create_app
from phonofilm.web.config import StudioConfig
from phonofilm.web.studio import Studio

LINGER_S = 2
"""How long open connections are waited for at the end."""


class _Server(uvicorn.Server):
    """Ends event streams as soon as it is told to stop; uvicorn would wait for them until they end by themselves."""

    def __init__(self, config: uvicorn.Config, studio: Studio) -> None:
        super().__init__(config)
        self._studio = studio

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._studio.bus.close()
        await super().shutdown(sockets)


def serve(config: StudioConfig, ready: Callable[[str], None]) -> None:
    """Run until interrupted. ready: is called with the address when the server listens.

    Raises OptionError when the port is taken or the folder belongs to another server.
    """
    listener = _listen(config)
    port = listener.getsockname()[1]
    app = create_app(config)
    options = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=LINGER_S,
        proxy_headers=False,
        lifespan="on",
    )
    ready(_address(config, port))
    # The server has its own way to end; what is raised by a signal after it would wait for a network in mid-step.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _Server(options, app.state.studio).run([listener])
    if not app.state.studio.worker.ended:
        # A network in the midst of a step cannot be interrupted, and Python waits for torch's threads when it ends.
        # All that counts is on the disk: the job is queued again at the next start.
        os._exit(0)


def _listen(config: StudioConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name != "nt":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((config.host, config.port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise OptionError(
                f"port {config.port} is taken, perhaps by another studio; give --port 0 for a free one, or another"
            ) from error
        reason = getattr(error, "strerror", None) or error
        raise OptionError(f"cannot listen at {config.host} port {config.port} ({reason}); give others") from error
    return listener


def _address(config: StudioConfig, port: int) -> str:
    """For a browser of this computer; with the token, where there is one."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?token={config.token}" if config.token else "")
