"""A server on loopback that speaks HTTP/2 and nothing else, over TLS."""

import asyncio
import threading
from contextlib import contextmanager, suppress
from types import SimpleNamespace

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded


async def _serve(here, reader, writer):
    agreed = writer.get_extra_info("ssl_object").selected_alpn_protocol()
    protocol, paths = H2Connection(H2Configuration(client_side=False)), {}
    protocol.initiate_connection()
    writer.write(protocol.data_to_send())
    while data := await reader.read(65536):
        for event in protocol.receive_data(data):
            match event:
                case RequestReceived():
                    paths[event.stream_id] = dict(event.headers)[b":path"].decode()
                case DataReceived():
                    protocol.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
                case StreamEnded():
                    here.asked.append((agreed, paths.pop(event.stream_id)))
                    protocol.send_headers(event.stream_id, [(":status", "200")])
                    answer = b'{"status": "success_ok", "txn_ref": "AA-C-1"}'
                    protocol.send_data(event.stream_id, answer, end_stream=True)
        writer.write(protocol.data_to_send())
    writer.close()


@contextmanager
def http2_server(context):
    """``asked`` lists what was agreed upon, and the path, of each request."""
    context.set_alpn_protocols(["h2"])
    here = SimpleNamespace(port=0, asked=[])
    ready, loop, over = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def main():
        async def handle(reader, writer):
            with suppress(asyncio.CancelledError):
                await _serve(here, reader, writer)

        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        here.port = server.sockets[0].getsockname()[1]
        ready.set()
        await over.wait()
        server.close()

    def run():
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(main())

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(20)
    try:
        yield here
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
