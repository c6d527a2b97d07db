"""A server that is given its socket: see sd_listen_fds(3), and `listen` of @jitsud/plugin-process."""
import os
import signal
import socket
import sys

if int(os.environ.get('LISTEN_PID', '0')) != os.getpid():
    sys.exit('error: there is no socket for this program: start it by Jitsu with `listen`, or by a socket unit')

# The first socket is file 3, the next one 4, in the order of `listen`.
server = socket.socket(fileno=3)
server.setblocking(True)


def end(*_):
    # What comes from now on waits for the next one.
    sys.exit(0)


signal.signal(signal.SIGTERM, end)
while True:
    client, _ = server.accept()
    # Only between two clients.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    with client:
        client.sendall(f'Hello! You connected, so I was summoned: process {os.getpid()}.\n'.encode())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
