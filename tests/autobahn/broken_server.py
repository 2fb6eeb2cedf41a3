#!/usr/bin/env python3
"""A WebSocket server that breaks the rules, for run.py to find out.

It checks no UTF-8, no reserved bit, no opcode and no mask, echoes every frame as it came, control frames and
fragments too, and repeats a close frame whatever it says.
"""
import asyncio
import base64
import hashlib
import struct

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def header(first, length):
    if length < 126:
        return struct.pack(">BB", first, length)
    if length < 65536:
        return struct.pack(">BBH", first, 126, length)
    return struct.pack(">BBQ", first, 127, length)


async def read_frame(reader):
    first, second = await reader.readexactly(2)
    length = second & 127
    if length == 126:
        (length,) = struct.unpack(">H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack(">Q", await reader.readexactly(8))
    mask = await reader.readexactly(4) if second & 128 else bytes(4)
    payload = await reader.readexactly(length)
    return first, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


async def serve(reader, writer):
    request = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")
    fields = dict(line.split(": ", 1) for line in request.split("\r\n")[1:] if ": " in line)
    key = next(value for name, value in fields.items() if name.lower() == "sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    writer.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )
    try:
        first = 0
        while first & 15 != 8:
            first, payload = await read_frame(reader)
            writer.write(header(first, len(payload)) + payload)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass  # The peer is gone.
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"listening on ws://{host}:{port}/", flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
