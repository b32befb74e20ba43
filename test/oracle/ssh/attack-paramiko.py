"""Tries by paramiko to log in otherwise, to write, to forward and to run; prints one JSON line an attempt."""

import io
import json
import socket
import sys

import paramiko

port, user, key_file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
key = paramiko.Ed25519Key.from_private_key_file(key_file)


def attempt(name, action):
    try:
        result = action()
        print(json.dumps({"name": name, "refused": False, "words": repr(result)}))
    except Exception as error:  # every kind of refusal there is
        print(json.dumps({"name": name, "refused": True, "words": f"{type(error).__name__}: {error}"}))


def stranger():
    transport = paramiko.Transport(("127.0.0.1", port))
    transport.banner_timeout = transport.auth_timeout = 60
    transport.start_client(timeout=60)
    return transport


def login(action):
    def run():
        transport = stranger()
        try:
            return action(transport)
        finally:
            transport.close()

    return run


attempt("login: none", login(lambda transport: transport.auth_none(user)))
for password in ["", user, "changeme", "x" * 10000]:
    attempt(
        f"login: password of {len(password)}",
        login(lambda transport: transport.auth_password(user, password, fallback=False)),
    )
attempt(
    "login: keyboard-interactive",
    login(lambda transport: transport.auth_interactive(user, lambda *_: ["restore"])),
)
attempt("login: another key", login(lambda transport: transport.auth_publickey(user, paramiko.ECDSAKey.generate())))
for other in ["root", "", f"{user}\0root", user.upper(), f"{user} "]:
    attempt(f"login: user {other!r}", login(lambda transport: transport.auth_publickey(other, key)))
attempt("before a login: session", login(lambda transport: transport.open_session(timeout=10)))

transport = stranger()
transport.auth_publickey(user, key)
sftp = paramiko.SFTPClient.from_transport(transport)

for mode in ["w", "wb", "a", "r+", "w+", "x", "wx"]:
    attempt(f"open {mode}", lambda: sftp.open("/web/new", mode))
    attempt(f"open {mode} existing", lambda: sftp.open("/web/etc/passwd", mode))
attempt("put", lambda: sftp.putfo(io.BytesIO(b"new"), "/web/new"))
attempt("put elsewhere", lambda: sftp.putfo(io.BytesIO(b"new"), "/tmp/vmfr-attack"))
attempt("write by a reading handle", lambda: sftp.open("/web/etc/passwd", "r").write(b"root::0:0"))
attempt("chmod", lambda: sftp.chmod("/web/etc/passwd", 0o777))
attempt("chown", lambda: sftp.chown("/web/etc/passwd", 1, 1))
attempt("utime", lambda: sftp.utime("/web/etc/passwd", (1, 1)))
attempt("truncate", lambda: sftp.truncate("/web/etc/passwd", 0))
attempt("fsetstat", lambda: sftp.open("/web/etc/passwd", "r").chmod(0o777))
attempt("ftruncate", lambda: sftp.open("/web/etc/passwd", "r").truncate(0))
attempt("mkdir", lambda: sftp.mkdir("/web/new"))
attempt("rmdir", lambda: sftp.rmdir("/web/etc"))
attempt("remove", lambda: sftp.remove("/web/etc/passwd"))
attempt("rename", lambda: sftp.rename("/web/etc/passwd", "/web/etc/gone"))
attempt("posix_rename", lambda: sftp.posix_rename("/web/etc/passwd", "/web/etc/gone"))
attempt("symlink", lambda: sftp.symlink("/etc/passwd", "/web/link"))
for path in ["/etc/hostname", "/proc/self/environ", "../../../../etc/hostname", "/web/../../etc/hostname", "/web/etc/%2e%2e"]:
    attempt(f"read {path}", lambda: sftp.open(path, "r").read())


def command(text):
    def run():
        channel = transport.open_session(timeout=20)
        channel.exec_command(text)
        error = channel.makefile_stderr().read().decode()
        status = channel.recv_exit_status()
        if status != 0 and error.startswith("vmfr: "):
            raise PermissionError(error)
        return status

    return run


for text in ["id", "sh", "internal-sftp; id", "sftp-server -e", "python3 -c 1", "\0", "x" * 20000]:
    attempt(f"exec {text[:20]!r}", command(text))


def shell():
    channel = transport.open_session(timeout=20)
    channel.get_pty()
    channel.invoke_shell()
    error = channel.makefile_stderr().read().decode()
    if channel.recv_exit_status() == 1 and "no shell" in error:
        raise PermissionError(error)


def forward_agent():
    # paramiko asks without waiting for the answer; the server then has to open no channel back.
    session = transport.open_session(timeout=20)
    session.request_forward_agent(lambda channel: None)
    if transport.accept(1) is None:
        raise PermissionError("no channel was opened")


def subsystem(name):
    def run():
        channel = transport.open_session(timeout=20)
        channel.invoke_subsystem(name)
        error = channel.makefile_stderr().read().decode()
        if channel.recv_exit_status() == 1 and "read-only" in error:
            raise PermissionError(error)

    return run


attempt("shell", shell)
for name in ["netconf", "shell", "", "sftp ", "SFTP", "../sftp"]:
    attempt(f"subsystem {name!r}", subsystem(name))
attempt("x11", lambda: transport.open_session(timeout=20).request_x11())
attempt("agent", forward_agent)
attempt("direct-tcpip", lambda: transport.open_channel("direct-tcpip", ("127.0.0.1", port), ("127.0.0.1", 1), timeout=10))
attempt("tun", lambda: transport.open_channel("tun@openssh.com", timeout=10))
attempt("x11 channel", lambda: transport.open_channel("x11", src_addr=("127.0.0.1", 1), timeout=10))
attempt("tcpip-forward", lambda: transport.request_port_forward("127.0.0.1", 0))
try:
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    listing = sftp.listdir("/web/etc")
finally:
    transport.close()
print(json.dumps({"name": "still served", "refused": False, "words": repr(listing)}))
