"""Log in with paramiko: run a command, read a file, reach a port."""

import paramiko

client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect("127.0.0.1", 2222, "dev8", key_filename="/keys/key", allow_agent=False)
print(client.exec_command("echo in")[1].read().decode().strip())
with client.open_sftp() as sftp, sftp.open("/etc/hostname") as file:
    print(file.read().decode().strip())
transport = client.get_transport()
channel = transport.open_channel("direct-tcpip", ("127.0.0.1", 2222), ("127.0.0.1", 0))
print(channel.recv(7).decode())
client.close()
