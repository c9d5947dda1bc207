"""Log in with asyncssh: run a command, read a file, reach a port."""

import asyncio

import asyncssh


async def main() -> None:
    where = {"host": "127.0.0.1", "port": 2222, "username": "dev8", "known_hosts": None}
    async with asyncssh.connect(**where, client_keys=["/keys/key"], agent_path=None) as connection:
        print((await connection.run("echo in", check=True)).stdout.strip())
        async with connection.start_sftp_client() as sftp, sftp.open("/etc/hostname") as file:
            print((await file.read()).strip())
        reader, _ = await connection.open_connection("127.0.0.1", 2222)
        print((await reader.readexactly(7)).decode())


asyncio.run(main())
