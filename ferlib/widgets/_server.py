"""What `make lab` changes in Jupyter's server."""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Jupyter's connection of a page to its kernel, without Nagle's algorithm.

    With it a reply waits until the browser has acknowledged the kernel's "busy", and browsers take 40 ms over that.
    """

    def connect(self):
        """Connect, and send each message at once."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
